/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/astobj2.h"
#include "asterisk/channel.h"
#include "asterisk/strings.h"

#include "event_publisher.h"
#include "session_report.h"

struct question {
	struct aic_link *link;
	struct session *session;
	struct session_report *report;
};

/* On the loop's thread, which counts most of it itself: no frame comes between two numbers. */
static void take_stats(struct aic_conversation *conversation, void *arg)
{
	const struct question *question = arg;
	struct session_report *report = question->report;
	const struct channel_line *line = question->session->line;

	aic_conversation_stats(conversation, &report->conversation);
	aic_playout_queue_stats(question->session->playout, &report->playout);
	report->frames_received = atomic_load(&line->frames_received);
	report->frames_refused = aic_link_refused_frames(question->link);
	report->frames_played = atomic_load(&line->frames_played);
	report->frames_lost = atomic_load(&line->frames_lost);
	report->frames_late = aic_link_late_frames(question->link);
	report->frames_idle = aic_link_idle_frames(question->link);
}

int session_report(struct session *session, struct session_report *report)
{
	struct aic_link *link = session_link(session);
	struct question question = {.session = session, .report = report};

	memset(report, 0, sizeof(*report));
	if (!link) {
		return -1;
	}
	question.link = link;
	aic_link_query(link, take_stats, &question);
	aic_link_release(link);
	report->duration_ms = (aic_now_us() - session->begun_us) / 1000;
	report->events_dropped = event_publisher_dropped(session->told);
	report->ended = session_outcome(session, &report->outcome);
	report->identity = session_identity(session);
	return 0;
}

const char *describe_opening(const struct aic_open_times *times, const char *reply, char *buffer, size_t size)
{
	snprintf(buffer, size, "DNS %.1f ms, TCP %.1f ms, TLS %.1f ms%s, %s %.1f ms", milliseconds(times->dns_us),
		milliseconds(times->tcp_us), milliseconds(times->tls_us), times->tls_resumed ? " (resumed)" : "", reply,
		milliseconds(times->reply_us));
	return buffer;
}
