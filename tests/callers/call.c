/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "call.h"

#include "call_facts.h"
#include "sdp.h"
#include "sip_socket.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* RFC 3261's T1 and T2, and how long a request waits for its answer: 64 times T1. */
#define FIRST_INTERVAL_US UINT64_C(500000)
#define LONGEST_INTERVAL_US UINT64_C(4000000)
#define GIVE_UP_US (64 * FIRST_INTERVAL_US)

#define STATUS_TIMEOUT 408
#define STATUS_PEER_HUNG_UP 0

/* The numbers of a call's requests. */
#define INVITE_SEQUENCE 1
#define HOLD_SEQUENCE 2

#define ALLOW "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS\r\n"

static uint64_t program_epoch_us;

static void finish(struct call *call)
{
	timer_stop(&call->again);
	timer_stop(&call->life);
	media_close(&call->media);
	call->state = CALL_OVER;
	call->ended_us = now_us();
	call->changed(call);
}

static void fail(struct call *call, unsigned int status, const char *reason)
{
	call->failed = true;
	call_facts_failed(call, status, reason);
	finish(call);
}

/* A request's lines up to its content. `branch`: of the transaction. */
static void begin_request(const struct call *call, struct sip_draft *draft, const char *method, unsigned int sequence,
	const char *branch)
{
	bool begins = !strcmp(method, "CANCEL") || (!strcmp(method, "INVITE") && sequence == INVITE_SEQUENCE);
	bool to_contact = call->contact[0] && !begins;

	draft->length = 0;
	draft->too_long = false;
	if (to_contact) {
		sip_draft_add(draft, "%s %s SIP/2.0\r\n", method, call->contact);
	} else {
		sip_draft_add(draft, "%s sip:%s@%s SIP/2.0\r\n", method, call->extension, sip_socket.target_address);
	}
	sip_draft_add(draft, "Via: SIP/2.0/UDP %s;rport;branch=%s\r\nMax-Forwards: 70\r\n", sip_socket.own_address, branch);
	sip_draft_add(draft, "From: <sip:callers@%s>;tag=%s\r\n", sip_socket.own_address, call->tag);
	if (call->to[0] && strcmp(method, "CANCEL")) {
		sip_draft_add(draft, "To: %s\r\n", call->to);
	} else {
		sip_draft_add(draft, "To: <sip:%s@%s>\r\n", call->extension, sip_socket.target_address);
	}
	sip_draft_add(draft, "Call-ID: %s\r\nCSeq: %u %s\r\n", call->id, sequence, method);
}

static void send_without_content(struct sip_draft *draft)
{
	sip_draft_add(draft, "Content-Length: 0\r\n\r\n");
	sip_socket_send(draft);
}

static void send_invite(const struct call *call)
{
	bool holds = call->state == CALL_HOLDING;
	struct sip_draft draft;
	char description[512], branch[48];

	sdp_write(description, sizeof(description), &sip_socket.own, call->media.port, holds);
	snprintf(branch, sizeof(branch), "%s%s", call->branch, holds ? "-hold" : "");
	begin_request(call, &draft, "INVITE", holds ? HOLD_SEQUENCE : INVITE_SEQUENCE, branch);
	sip_draft_add(&draft, "Contact: <sip:callers@%s>\r\n" ALLOW "Content-Type: application/sdp\r\n"
		"Content-Length: %zu\r\n\r\n%s", sip_socket.own_address, strlen(description), description);
	sip_socket_send(&draft);
}

/* Of the answer to the INVITE of that number. One that is none of success belongs to the INVITE's own transaction. */
static void send_ack(const struct call *call, const struct sip_message *answer)
{
	bool of_hold = answer->sequence == HOLD_SEQUENCE;
	struct sip_draft draft;
	char branch[48];

	snprintf(branch, sizeof(branch), "%s%s%s", call->branch, of_hold ? "-hold" : "",
		answer->status < 300 ? "-ack" : "");
	begin_request(call, &draft, "ACK", answer->sequence, branch);
	send_without_content(&draft);
}

static void send_bye(const struct call *call)
{
	struct sip_draft draft;
	char branch[48];

	snprintf(branch, sizeof(branch), "%s-bye", call->branch);
	begin_request(call, &draft, "BYE", (call->holds ? HOLD_SEQUENCE : INVITE_SEQUENCE) + 1, branch);
	send_without_content(&draft);
}

static void send_cancel(const struct call *call)
{
	struct sip_draft draft;

	begin_request(call, &draft, "CANCEL", INVITE_SEQUENCE, call->branch);
	send_without_content(&draft);
}

static void send_request(const struct call *call)
{
	switch (call->state) {
	case CALL_CALLING:
	case CALL_HOLDING:
		send_invite(call);
		break;
	case CALL_CANCELLED:
		send_cancel(call);
		break;
	case CALL_LEAVING:
		send_bye(call);
		break;
	case CALL_PROCEEDING:
	case CALL_UP:
	case CALL_OVER:
		break;
	}
}

static void on_again(void *arg)
{
	struct call *call = arg;
	uint64_t due_us = call->again.due_us;

	if (due_us >= call->gives_up_us) {
		if (call->state == CALL_CALLING) {
			fail(call, STATUS_TIMEOUT, "nobody answered the INVITE");
		} else if (call->state == CALL_LEAVING && !call->failed) {
			fail(call, STATUS_TIMEOUT, "nobody answered the BYE");
		} else if (call->state == CALL_HOLDING) {
			fail(call, STATUS_TIMEOUT, "nobody answered the INVITE that puts the call on hold");
		} else {
			finish(call);
		}
		return;
	}
	send_request(call);
	/* An INVITE is not sent less and less often for as long. */
	call->interval_us *= 2;
	if (call->state != CALL_CALLING && call->interval_us > LONGEST_INTERVAL_US) {
		call->interval_us = LONGEST_INTERVAL_US;
	}
	due_us += call->interval_us;
	timer_start(&call->again, due_us < call->gives_up_us ? due_us : call->gives_up_us);
}

/* Sends what the state wants sent, until it is answered. */
static void request(struct call *call, enum call_state state)
{
	uint64_t now = now_us();

	call->state = state;
	call->interval_us = FIRST_INTERVAL_US;
	call->gives_up_us = now + GIVE_UP_US;
	send_request(call);
	timer_start(&call->again, now + call->interval_us);
}

static void on_end_of_life(void *arg)
{
	call_end(arg);
}

void call_begin(struct call *call, uint64_t seed, uint64_t epoch_us)
{
	struct seeded random = seeded_begin(seed, call->number);
	uint64_t own;

	program_epoch_us = epoch_us;
	call->begun_us = now_us();
	call->again.run = on_again;
	call->again.arg = call;
	call->life.run = on_end_of_life;
	call->life.arg = call;
	if (media_open(&call->media, &sip_socket.own, &random)) {
		fail(call, 0, "no ports can be had for its audio");
		return;
	}
	/* No two runs may have the same, whatever their seeds. */
	own = seeded_next(&random) ^ call->begun_us;
	snprintf(call->id, sizeof(call->id), "%zu-%016" PRIx64 "@callers", call->number, own);
	snprintf(call->branch, sizeof(call->branch), "z9hG4bK%016" PRIx64, own);
	snprintf(call->tag, sizeof(call->tag), "%016" PRIx64, own);
	request(call, CALL_CALLING);
}

static void take_dialog(struct call *call, const struct sip_message *answer)
{
	struct sip_text text;

	if (sip_message_header(answer, "To", 't', 0, &text)) {
		sip_text_copy(&text, call->to, sizeof(call->to));
	}
	if (sip_message_header(answer, "Contact", 'm', 0, &text)) {
		const char *begin = memchr(text.at, '<', text.length);
		const char *end = begin ? memchr(begin, '>', text.length - (size_t) (begin - text.at)) : NULL;

		if (end) {
			text = (struct sip_text) {begin + 1, (size_t) (end - begin) - 1};
		}
		sip_text_copy(&text, call->contact, sizeof(call->contact));
	}
}

/* What is wrong is told once the call has ended with a BYE. */
static void leave(struct call *call)
{
	timer_stop(&call->life);
	media_stop(&call->media);
	request(call, CALL_LEAVING);
}

static void is_up(struct call *call)
{
	call->state = CALL_UP;
	if (call->lasts_us) {
		timer_start(&call->life, now_us() + call->lasts_us);
	}
	call->changed(call);
}

static void take_success(struct call *call, const struct sip_message *answer)
{
	struct sockaddr_in peer;
	const char *problem;

	bool given_up = call->state == CALL_OVER && !call->answered_us;

	if (!call->contact[0]) {
		take_dialog(call, answer);
	}
	/* Where it is not the first one our ACK was lost. */
	send_ack(call, answer);
	if (given_up) {
		send_bye(call);
	}
	if (call->state == CALL_HOLDING && answer->sequence == HOLD_SEQUENCE) {
		timer_stop(&call->again);
		is_up(call);
		return;
	}
	if (call->state == CALL_HOLDING || call->state == CALL_UP || call->state == CALL_LEAVING
		|| call->state == CALL_OVER) {
		return;
	}
	timer_stop(&call->again);
	if (call->state == CALL_CANCELLED) {
		leave(call);
		return;
	}
	call->answered_us = now_us();
	problem = sdp_read(&answer->body, &peer);
	if (!problem && media_start(&call->media, &peer, program_epoch_us)) {
		problem = "its audio leads nowhere";
	}
	if (problem) {
		call->failed = true;
		call_facts_failed(call, answer->status, problem);
		leave(call);
		return;
	}
	if (call->holds) {
		request(call, CALL_HOLDING);
	} else {
		is_up(call);
	}
}

static void take_refusal(struct call *call, const struct sip_message *answer)
{
	char reason[64];

	if (call->state == CALL_OVER || call->state == CALL_LEAVING) {
		/* Our ACK was lost. */
		send_ack(call, answer);
		return;
	}
	if (call->state == CALL_HOLDING) {
		send_ack(call, answer);
		call->failed = true;
		call_facts_failed(call, answer->status, "it cannot be put on hold");
		leave(call);
		return;
	}
	take_dialog(call, answer);
	call->contact[0] = '\0';
	send_ack(call, answer);
	if (call->state == CALL_CANCELLED) {
		finish(call);
		return;
	}
	sip_text_copy(&answer->reason, reason, sizeof(reason));
	fail(call, answer->status, reason);
}

static void take_answer(struct call *call, const struct sip_message *answer)
{
	if (sip_text_is(&answer->method, "BYE")) {
		/* Whatever it says, it is over; a provisional answer says nothing. */
		if (call->state == CALL_LEAVING && answer->status >= 200) {
			finish(call);
		}
		return;
	}
	if (!sip_text_is(&answer->method, "INVITE")) {
		return;
	}
	if (answer->status >= 300) {
		take_refusal(call, answer);
	} else if (answer->status >= 200) {
		take_success(call, answer);
	} else if (call->state == CALL_CALLING) {
		timer_stop(&call->again);
		call->state = CALL_PROCEEDING;
	}
}

static void answer(const struct sip_message *request_message, const char *status, const char *tag, const char *more)
{
	struct sip_draft draft = {.length = 0};

	sip_draft_respond(&draft, request_message, status, tag);
	sip_draft_add(&draft, "%sContent-Length: 0\r\n\r\n", more);
	sip_socket_send(&draft);
}

void call_answer_stray(const struct sip_message *request_message)
{
	if (sip_text_is(&request_message->method, "ACK")) {
		return;
	}
	if (sip_text_is(&request_message->method, "OPTIONS")) {
		answer(request_message, "200 OK", "callers", ALLOW);
	} else {
		answer(request_message, "481 Call/Transaction Does Not Exist", "callers", "");
	}
}

static void take_request(struct call *call, const struct sip_message *message)
{
	if (sip_text_is(&message->method, "BYE")) {
		answer(message, "200 OK", call->tag, "");
		if (call->state == CALL_UP || call->state == CALL_HOLDING) {
			fail(call, STATUS_PEER_HUNG_UP, "the other side hung up");
		} else if (call->state == CALL_LEAVING) {
			finish(call);
		}
	} else if (sip_text_is(&message->method, "OPTIONS")) {
		answer(message, "200 OK", call->tag, ALLOW);
	} else if (!sip_text_is(&message->method, "ACK")) {
		/* Nothing about a call's audio is open to question. */
		answer(message, "501 Not Implemented", call->tag, "");
	}
}

void call_take(struct call *call, const struct sip_message *message)
{
	if (message->status) {
		take_answer(call, message);
	} else {
		take_request(call, message);
	}
}

void call_end(struct call *call)
{
	switch (call->state) {
	case CALL_HOLDING:
	case CALL_UP:
		leave(call);
		break;
	case CALL_CALLING:
		/* Nothing may be cancelled before it was heard of: it is given up, and a late answer gets its BYE. */
		finish(call);
		break;
	case CALL_PROCEEDING:
		request(call, CALL_CANCELLED);
		break;
	case CALL_CANCELLED:
	case CALL_LEAVING:
	case CALL_OVER:
		break;
	}
}

void call_drop(struct call *call)
{
	if (call->state != CALL_OVER) {
		finish(call);
	}
}
