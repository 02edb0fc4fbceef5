/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/app.h"
#include "asterisk/astobj2.h"
#include "asterisk/causes.h"
#include "asterisk/channel.h"
#include "asterisk/dial.h"
#include "asterisk/features.h"
#include "asterisk/logger.h"
#include "asterisk/strings.h"
#include "asterisk/time.h"
#include "asterisk/utils.h"

#include "dialled_transfer.h"
#include "locks.h"
#include "output.h"
#include "session.h"
#include "session_requests.h"
#include "waiting_sound.h"

#define DIAL "dial:"
#define ATTENDED "attended:"
#define KEEP "keep:"

/* Most that are rung at once. */
#define TARGETS_MAX 16

/* How long somebody is rung where it is not said, and at the most. */
#define SECONDS_DEFAULT 25
#define SECONDS_MAX 120

/* So often who answered hears what is to be told, and has so long to press the key each time. */
#define TOLD_TIMES 3
#define KEY_MS 5000
#define KEY '1'

/* How often it is seen whether the agent still waits. */
#define LOOK_SECONDS 1

#define WITH_YOU " The caller is still with you."

/*
 * ao2 object. References: the session's (session->dialled) and its thread's. Its lock is taken by itself, and nothing
 * is waited for while it is held.
 */
struct dialled_transfer {
	/* Never change after creation. Texts are owned. */
	char *id, *name, *targets;
	char *sound; /* NULL: whoever answers has taken the call */
	int seconds;
	bool keeps; /* the agent stays and listens */

	/* The thread's own. */
	struct session *session; /* owned reference */

	/* Guarded by the ao2 lock. */
	bool cancelled;
	ast_cond_t changed;        /* that, or the state of what is being dialled */
	struct ast_channel *asked; /* owned reference: who is being told; NULL: nobody */
	struct ast_channel *peer;  /* who has taken the call, to be connected or hung up; NULL: nobody */
};

static bool keeps_agent(const char *place)
{
	return !strncmp(place, KEEP, strlen(KEEP));
}

bool dialled_transfer_is(const char *place)
{
	place += keeps_agent(place) ? strlen(KEEP) : 0;
	return !strncmp(place, DIAL, strlen(DIAL)) || !strncmp(place, ATTENDED, strlen(ATTENDED));
}

static void destroy(void *object)
{
	struct dialled_transfer *dialled = object;

	ast_free(dialled->id);
	ast_free(dialled->name);
	ast_free(dialled->targets);
	ast_free(dialled->sound);
	ast_cond_destroy(&dialled->changed);
}

/* Returns 0, or -1 where the place is of another form, or memory is short. */
static int read_place(struct dialled_transfer *dialled, const char *place)
{
	const char *kind = place + (keeps_agent(place) ? strlen(KEEP) : 0);
	bool attended = !strncmp(kind, ATTENDED, strlen(ATTENDED));
	char *copy = ast_strdup(kind + strlen(attended ? ATTENDED : DIAL));
	int result = -1;
	AST_DECLARE_APP_ARGS(args,
		AST_APP_ARG(targets);
		AST_APP_ARG(seconds);
		AST_APP_ARG(sound);
		AST_APP_ARG(rest);
	);

	if (!copy) {
		return -1;
	}
	dialled->keeps = keeps_agent(place);
	AST_STANDARD_APP_ARGS(args, copy);
	dialled->seconds = ast_strlen_zero(args.seconds) ? SECONDS_DEFAULT : atoi(args.seconds);
	if (!ast_strlen_zero(args.targets) && strchr(args.targets, '/') && dialled->seconds >= 1
		&& dialled->seconds <= SECONDS_MAX && attended == !ast_strlen_zero(args.sound) && !args.rest) {
		dialled->targets = ast_strdup(args.targets);
		dialled->sound = attended ? ast_strdup(args.sound) : NULL;
		result = dialled->targets && attended == (dialled->sound != NULL) ? 0 : -1;
	}
	ast_free(copy);
	return result;
}

/* --- ringing: the thread --- */

static bool is_cancelled(struct dialled_transfer *dialled)
{
	bool cancelled;

	ao2_lock(dialled);
	cancelled = dialled->cancelled;
	ao2_unlock(dialled);
	return cancelled;
}

static bool is_under_way(struct ast_dial *dial)
{
	switch (ast_dial_state(dial)) {
	case AST_DIAL_RESULT_TRYING:
	case AST_DIAL_RESULT_RINGING:
	case AST_DIAL_RESULT_PROGRESS:
	case AST_DIAL_RESULT_PROCEEDING:
		return true;
	default:
		return false;
	}
}

/* The thread that dials. */
static void on_dial_state(struct ast_dial *dial)
{
	struct dialled_transfer *dialled = ast_dial_get_user_data(dial);

	ao2_lock(dialled);
	ast_cond_signal(&dialled->changed);
	ao2_unlock(dialled);
}

/* Waits until somebody has answered, nobody will, or nobody is wanted any more. */
static void wait_for_answer(struct dialled_transfer *dialled, struct ast_dial *dial)
{
	bool wanted = true;

	while (wanted) {
		struct timespec until = {.tv_sec = time(NULL) + LOOK_SECONDS};

		ao2_lock(dialled);
		if (!dialled->cancelled && is_under_way(dial)) {
			ast_cond_timedwait(&dialled->changed, (ast_mutex_t *) ao2_object_get_lockaddr(dialled), &until);
		}
		wanted = !dialled->cancelled && is_under_way(dial);
		ao2_unlock(dialled);
		/* What the agent has withdrawn, or was heard about otherwise, rings no longer. */
		wanted = wanted && session_waits_for_tool(dialled->session, dialled->id);
	}
}

/* Why nobody has taken the call, from what Asterisk noted about each of those who were rung. */
static const char *reason_of(enum ast_dial_result result, struct ast_channel *const *channels, size_t count)
{
	const char *reason = "Nobody can be reached there at the moment." WITH_YOU;

	if (result == AST_DIAL_RESULT_TIMEOUT) {
		return "Nobody answered." WITH_YOU;
	}
	for (size_t i = 0; i < count; i++) {
		switch (channels[i] ? ast_channel_hangupcause(channels[i]) : 0) {
		case AST_CAUSE_USER_BUSY:
			return "The line is busy." WITH_YOU;
		case AST_CAUSE_NO_ANSWER:
		case AST_CAUSE_NO_USER_RESPONSE:
			reason = "Nobody answered." WITH_YOU;
			break;
		case AST_CAUSE_CALL_REJECTED:
		case AST_CAUSE_NORMAL_CLEARING:
			reason = "The call was not taken." WITH_YOU;
			break;
		default:
			break;
		}
	}
	return reason;
}

/* Names all of them, and notes by which numbers Asterisk knows them. Returns how many there are. */
static size_t append_targets(struct ast_dial *dial, char *targets, int numbers[TARGETS_MAX])
{
	size_t count = 0;
	char *technology;

	while (count < TARGETS_MAX && (technology = strsep(&targets, "&"))) {
		char *resource = strchr(technology, '/');

		if (resource) {
			*resource++ = '\0';
			numbers[count] = ast_dial_append(dial, ast_strip(technology), resource, NULL);
			count += numbers[count] >= 0;
		}
	}
	return count;
}

/* Rings. Returns who answered, to be hung up; NULL, and the reason: nobody did. */
static struct ast_channel *ring(struct dialled_transfer *dialled, struct ast_channel *caller, const char **reason)
{
	struct ast_dial *dial = ast_dial_create();
	struct ast_channel *channels[TARGETS_MAX] = {NULL}, *answered = NULL;
	char *targets = ast_strdup(dialled->targets);
	int numbers[TARGETS_MAX];
	size_t count = dial && targets ? append_targets(dial, targets, numbers) : 0;
	enum ast_dial_result result;

	*reason = "Nobody can be rung at the moment." WITH_YOU;
	if (count) {
		ast_dial_set_user_data(dial, dialled);
		ast_dial_set_state_callback(dial, on_dial_state);
		ast_dial_set_global_timeout(dial, dialled->seconds * 1000);
		/* The channels come to be here, so that their hang-up causes can be read when they are gone. */
		ast_dial_prerun(dial, caller, NULL);
		for (size_t i = 0; i < count; i++) {
			struct ast_channel *channel = ast_dial_get_channel(dial, numbers[i]);

			channels[i] = channel ? ast_channel_ref(channel) : NULL;
		}
		if (ast_dial_run(dial, caller, 1) == AST_DIAL_RESULT_TRYING) {
			wait_for_answer(dialled, dial);
			/* Before its thread is stopped: Asterisk 22 hangs up whom it finds then. */
			answered = ast_dial_answered_steal(dial);
			result = ast_dial_join(dial);
		} else {
			result = AST_DIAL_RESULT_FAILED;
		}
		*reason = reason_of(result, channels, count);
		for (size_t i = 0; i < count; i++) {
			if (channels[i]) {
				ast_channel_unref(channels[i]);
			}
		}
	}
	if (dial) {
		ast_dial_destroy(dial);
	}
	ast_free(targets);
	return answered;
}

/* Tells who answered, and waits for the key. */
static bool takes_call(struct dialled_transfer *dialled, struct ast_channel *channel)
{
	char key[2] = "";
	bool cancelled;

	ao2_lock(dialled);
	if (!(cancelled = dialled->cancelled)) {
		dialled->asked = ast_channel_ref(channel);
	}
	ao2_unlock(dialled);
	for (int i = 0; i < TOLD_TIMES && !cancelled && !key[0] && !ast_check_hangup(channel); i++) {
		if (ast_app_getdata(channel, dialled->sound, key, 1, KEY_MS) < 0) {
			break;
		}
	}
	ao2_lock(dialled);
	if (dialled->asked) {
		dialled->asked = ast_channel_unref(dialled->asked);
	}
	ao2_unlock(dialled);
	return key[0] == KEY && !ast_check_hangup(channel);
}

/* Another transfer may begin. */
static void leave_session(struct dialled_transfer *dialled)
{
	struct session *session = dialled->session;
	bool was_ours;

	session_lock(session);
	if ((was_ours = session->dialled == dialled)) {
		session->dialled = NULL;
	}
	session_unlock(session);
	if (was_ours) {
		ao2_ref(dialled, -1);
	}
}

/* Who has taken the call, if it has not been handed out; its reference is the caller's. */
static struct ast_channel *take_peer(struct dialled_transfer *dialled)
{
	struct ast_channel *peer;

	ao2_lock(dialled);
	peer = dialled->peer;
	dialled->peer = NULL;
	ao2_unlock(dialled);
	return peer;
}

/* The agent ends the conversation, or stays and listens. Returns whether it had waited for this. */
static bool make_agent_go(struct dialled_transfer *dialled)
{
	return !(dialled->keeps ? session_listen(dialled->session, dialled->id)
		: session_transfer(dialled->session, dialled->id, true));
}

/* Returns whether somebody is to be connected with the caller; otherwise the reason, NULL: the agent is gone. */
static bool find_somebody(struct dialled_transfer *dialled, const char **reason)
{
	struct session *session = dialled->session;
	struct ast_channel *caller = channel_line_channel(session->line);
	struct ast_channel *peer = caller ? ring(dialled, caller, reason) : NULL;

	if (caller) {
		ast_channel_unref(caller);
	}
	if (peer && dialled->sound && !takes_call(dialled, peer)) {
		*reason = "The call was not taken." WITH_YOU;
		ast_hangup(peer);
		peer = NULL;
	}
	if (!peer) {
		return false;
	}
	ao2_lock(dialled);
	dialled->peer = peer;
	ao2_unlock(dialled);
	if (is_cancelled(dialled) || !make_agent_go(dialled)) {
		*reason = NULL;
		if ((peer = take_peer(dialled))) {
			ast_hangup(peer);
		}
		return false;
	}
	return true;
}

static void *run(void *arg)
{
	struct dialled_transfer *dialled = arg;
	struct session *session = dialled->session;
	const char *reason = NULL;

	if (!find_somebody(dialled, &reason)) {
		leave_session(dialled);
		if (reason && !session_answer_tool(session, dialled->id, reason, true)) {
			log_line(LOG_NOTICE, "%s: agent %s: the call is not transferred to %s (%s): %s",
				session_identity(session).id, session_agent(session)->name, dialled->name, dialled->targets, reason);
		}
	}
	ao2_ref(session, -1);
	ao2_ref(dialled, -1);
	return NULL;
}

/* --- the call --- */

static struct dialled_transfer *dialled_transfer_new(struct session *session, const char *tool_call_id,
	const char *name)
{
	struct dialled_transfer *dialled = ao2_alloc(sizeof(*dialled), destroy);

	if (dialled) {
		ast_cond_init(&dialled->changed, NULL);
		dialled->session = session;
		dialled->id = ast_strdup(tool_call_id);
		dialled->name = ast_strdup(name);
	}
	return dialled;
}

/* Returns 0, or -1 where the session has one already, or the call is over. */
static int join_session(struct session *session, struct dialled_transfer *dialled)
{
	int result = -1;

	session_lock(session);
	if (!session->dialled && session->link) {
		session->dialled = ao2_bump(dialled);
		result = 0;
	}
	session_unlock(session);
	return result;
}

const char *dialled_transfer_begin(struct session *session, const char *tool_call_id, const char *name,
	const char *place)
{
	struct dialled_transfer *dialled = dialled_transfer_new(session, tool_call_id, name);
	const char *problem = NULL;
	pthread_t thread;

	if (!dialled || !dialled->id || !dialled->name) {
		problem = "Nobody can be rung at the moment." WITH_YOU;
	} else if (read_place(dialled, place)) {
		log_line(LOG_WARNING, "%s: agent %s: transfer_to_%s = %s: expected dial:TECHNOLOGY/RESOURCE[&...][,SECONDS] or "
			"attended:TECHNOLOGY/RESOURCE[&...],SECONDS,SOUND, of 1 to %d seconds, with keep: before it or not",
			session_identity(session).id, session_agent(session)->name, name, place, SECONDS_MAX);
		problem = "Nobody can be reached there at the moment." WITH_YOU;
	} else if (join_session(session, dialled)) {
		problem = "Somebody is being rung already. Wait for that.";
	} else {
		/* The thread's. */
		ao2_ref(session, +1);
		ao2_ref(dialled, +1);
		if (ast_pthread_create_detached_background(&thread, NULL, run, dialled)) {
			ao2_ref(session, -1);
			leave_session(dialled);
			ao2_ref(dialled, -1);
			problem = "Nobody can be rung at the moment." WITH_YOU;
		}
	}
	ao2_cleanup(dialled);
	return problem;
}

/*
 * The session's, which has none then, with its reference for the caller; or only one where the agent stays. NULL: there
 * is none.
 */
static struct dialled_transfer *take_from_session(struct session *session, bool agent_stays)
{
	struct dialled_transfer *dialled = NULL;

	session_lock(session);
	if (session->dialled && (!agent_stays || atomic_load(&session->listening))) {
		dialled = session->dialled;
		session->dialled = NULL;
	}
	session_unlock(session);
	return dialled;
}

void dialled_transfer_cancel(struct session *session)
{
	struct dialled_transfer *dialled = take_from_session(session, false);
	struct ast_channel *asked, *peer;

	if (!dialled) {
		return;
	}
	ao2_lock(dialled);
	dialled->cancelled = true;
	ast_cond_signal(&dialled->changed);
	asked = dialled->asked ? ast_channel_ref(dialled->asked) : NULL;
	ao2_unlock(dialled);
	if (asked) {
		ast_softhangup(asked, AST_SOFTHANGUP_EXPLICIT);
		ast_channel_unref(asked);
	}
	if ((peer = take_peer(dialled))) {
		ast_hangup(peer);
	}
	ao2_ref(dialled, -1);
}

/*
 * Connects the caller with who has taken the call, until one hangs up. Returns 0, or -1 where that could not be, which
 * is logged.
 */
static int bridge_with(struct dialled_transfer *dialled, struct ast_channel *channel)
{
	struct ast_channel *peer = dialled ? take_peer(dialled) : NULL;
	struct ast_bridge_config config = {.start_sound = NULL};

	if (!peer) {
		log_line(LOG_WARNING, "%s: who took the call is gone", ast_channel_name(channel));
		return -1;
	}
	if (ast_channel_make_compatible(channel, peer)) {
		log_line(LOG_WARNING, "%s: the call cannot be transferred to %s: they have no format of audio in common",
			ast_channel_name(channel), ast_channel_name(peer));
		ast_hangup(peer);
		return -1;
	}
	locks_check_free("a bridge");
	/* It hangs up the other party. */
	ast_bridge_call(channel, peer, &config);
	return 0;
}

int dialled_transfer_connect(struct session *session, struct ast_channel *channel)
{
	struct dialled_transfer *dialled = take_from_session(session, false);
	int result = bridge_with(dialled, channel);

	ao2_cleanup(dialled);
	return result;
}

bool dialled_transfer_listen(struct session *session, struct ast_channel *channel)
{
	struct dialled_transfer *dialled = take_from_session(session, true);

	if (!dialled) {
		return false;
	}
	channel_lock(channel);
	waiting_sound_stop(session, channel);
	channel_unlock(channel);
	channel_line_capture(session->line, CAPTURE_BY_HOOK);
	channel_line_hear_both(session->line, channel, true);
	bridge_with(dialled, channel);
	channel_line_hear_both(session->line, channel, false);
	channel_line_capture(session->line, CAPTURE_BY_READER);
	ao2_ref(dialled, -1);
	/* Who has hung up, or was sent elsewhere, is not with the agent again. */
	if (!ast_check_hangup(channel)) {
		session_stop_listening(session);
	}
	return true;
}
