/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * libwebsockets calls nobody between making a connection's SSL and beginning its handshake. OpenSSL does: it tells the
 * context's callback for information that a handshake begins, before it writes the first message.
 */
#include "tls_sessions.h"

#include "event_loop.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A session of TLS 1.3 serves once; services give one or two for each connection. */
#define SESSIONS_MAX 32

/*
 * A session, with a host. What connections have are copies: OpenSSL makes a session useless where its connection ends
 * without TLS's own farewell, as most do.
 */
struct kept {
	char *host; /* owned */
	char *trust; /* owned */
	SSL_SESSION *session; /* owned */
	uint64_t number; /* of all that were kept */
};

struct aic_tls_sessions {
	pthread_mutex_t lock;
	/* Guarded by it. */
	struct kept kept[SESSIONS_MAX]; /* the oldest first */
	size_t count;
	uint64_t numbers; /* the last one */
};

/* Of a context. Never changes. */
struct keeping {
	struct aic_tls_sessions *sessions;
	char *trust; /* owned */
};

struct aic_tls_sessions *aic_tls_sessions_new(void)
{
	struct aic_tls_sessions *sessions = calloc(1, sizeof(*sessions));

	if (sessions) {
		pthread_mutex_init(&sessions->lock, NULL);
	}
	return sessions;
}

static void free_kept(struct kept *kept)
{
	free(kept->host);
	free(kept->trust);
	SSL_SESSION_free(kept->session);
}

/* The lock is held. */
static void remove_at(struct aic_tls_sessions *sessions, size_t at)
{
	free_kept(&sessions->kept[at]);
	sessions->count--;
	memmove(&sessions->kept[at], &sessions->kept[at + 1], (sessions->count - at) * sizeof(sessions->kept[0]));
}

void aic_tls_sessions_free(struct aic_tls_sessions *sessions)
{
	if (!sessions) {
		return;
	}
	while (sessions->count) {
		remove_at(sessions, sessions->count - 1);
	}
	pthread_mutex_destroy(&sessions->lock);
	free(sessions);
}

/*
 * What is kept with the context of a connection, and the host the connection is made to. Returns false where there is
 * no such.
 */
static bool find_keeping(const SSL *tls, const struct keeping **keeping, const char **host)
{
	*keeping = SSL_CTX_get_app_data(SSL_get_SSL_CTX(tls));
	*host = SSL_get_servername(tls, TLSEXT_NAMETYPE_host_name);
	return *keeping && *host;
}

static bool is_for(const struct kept *kept, const struct keeping *keeping, const char *host)
{
	return !strcasecmp(kept->host, host) && !strcmp(kept->trust, keeping->trust);
}

static int on_new_session(SSL *tls, SSL_SESSION *session)
{
	const struct keeping *keeping;
	struct aic_tls_sessions *sessions;
	struct kept kept;
	const char *host;

	if (!find_keeping(tls, &keeping, &host) || SSL_get_verify_result(tls) != X509_V_OK) {
		return 0;
	}
	kept = (struct kept) {.host = strdup(host), .trust = strdup(keeping->trust), .session = SSL_SESSION_dup(session)};
	if (!kept.host || !kept.trust || !kept.session) {
		free_kept(&kept);
		return 0;
	}
	sessions = keeping->sessions;
	pthread_mutex_lock(&sessions->lock);
	if (sessions->count == SESSIONS_MAX) {
		remove_at(sessions, 0);
	}
	kept.number = ++sessions->numbers;
	sessions->kept[sessions->count++] = kept;
	pthread_mutex_unlock(&sessions->lock);
	return 0;
}

/*
 * Whether the certificate in the connection's session would be accepted now, as in a full handshake: its host name, its
 * chain up to an authority, its dates.
 */
static bool is_acceptable(SSL *tls)
{
	X509 *certificate = SSL_get_peer_certificate(tls);
	X509_STORE_CTX *check = X509_STORE_CTX_new();
	bool acceptable = false;

	if (certificate && check
		&& X509_STORE_CTX_init(check, SSL_CTX_get_cert_store(SSL_get_SSL_CTX(tls)), certificate,
		SSL_get_peer_cert_chain(tls)) == 1) {
		X509_VERIFY_PARAM *how = X509_STORE_CTX_get0_param(check);

		X509_VERIFY_PARAM_set_auth_level(how, SSL_get_security_level(tls));
		acceptable = X509_STORE_CTX_set_default(check, "ssl_server") == 1
			&& X509_VERIFY_PARAM_set1(how, SSL_get0_param(tls)) == 1 && X509_verify_cert(check) == 1;
	}
	X509_STORE_CTX_free(check);
	X509_free(certificate);
	return acceptable;
}

/*
 * Takes out a copy of the newest session with that host that is older than `*number`, which becomes its own. NULL:
 * there is none.
 */
static SSL_SESSION *take_session(const struct keeping *keeping, const char *host, uint64_t *number)
{
	struct aic_tls_sessions *sessions = keeping->sessions;
	SSL_SESSION *copy = NULL;

	pthread_mutex_lock(&sessions->lock);
	for (size_t at = sessions->count; at-- && !copy;) {
		const struct kept *kept = &sessions->kept[at];

		if (kept->number < *number && is_for(kept, keeping, host)) {
			*number = kept->number;
			copy = SSL_SESSION_dup(kept->session);
			/* RFC 8446 appendix C.4: whoever sees a ticket twice knows that it is the same client. */
			if (SSL_SESSION_get_protocol_version(kept->session) >= TLS1_3_VERSION) {
				remove_at(sessions, at);
			}
		}
	}
	pthread_mutex_unlock(&sessions->lock);
	return copy;
}

/* It is not to be offered any more. */
static void remove_session(struct aic_tls_sessions *sessions, uint64_t number)
{
	pthread_mutex_lock(&sessions->lock);
	for (size_t at = 0; at < sessions->count; at++) {
		if (sessions->kept[at].number == number) {
			remove_at(sessions, at);
			break;
		}
	}
	pthread_mutex_unlock(&sessions->lock);
}

/* Has a connection that begins offer the newest session with its host, where that can be done in good faith. */
static void offer_session(SSL *tls)
{
	uint64_t number = UINT64_MAX;
	const struct keeping *keeping;
	SSL_SESSION *session;
	const char *host;

	if (!find_keeping(tls, &keeping, &host)) {
		return;
	}
	while ((session = take_session(keeping, host, &number))) {
		bool offered = SSL_set_session(tls, session) == 1;

		SSL_SESSION_free(session);
		if (offered && is_acceptable(tls)) {
			return;
		}
		SSL_set_session(tls, NULL);
		remove_session(keeping->sessions, number);
	}
}

static void on_info(const SSL *tls, int where, int value)
{
	(void) value;
	/* A connection may make several handshakes; its first is what is meant here. */
	if (where != SSL_CB_HANDSHAKE_START || SSL_get_app_data(tls)) {
		return;
	}
	SSL_set_app_data((SSL *) tls, (void *) (uintptr_t) aic_now_us());
	/* An error left in the queue would be taken for one of the handshake. */
	ERR_set_mark();
	offer_session((SSL *) tls);
	ERR_pop_to_mark();
}

int aic_tls_sessions_keep(struct aic_tls_sessions *sessions, SSL_CTX *context, const char *trust)
{
	struct keeping *keeping = malloc(sizeof(*keeping));

	if (!keeping || !(keeping->trust = strdup(trust))) {
		free(keeping);
		return -1;
	}
	keeping->sessions = sessions;
	SSL_CTX_set_app_data(context, keeping);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, on_new_session);
	SSL_CTX_set_info_callback(context, on_info);
	return 0;
}

void aic_tls_sessions_drop(SSL_CTX *context)
{
	struct keeping *keeping = SSL_CTX_get_app_data(context);

	SSL_CTX_set_app_data(context, NULL);
	if (keeping) {
		free(keeping->trust);
		free(keeping);
	}
}

void aic_tls_sessions_forget(const SSL *tls)
{
	const struct keeping *keeping;
	const char *host;

	if (!find_keeping(tls, &keeping, &host)) {
		return;
	}
	pthread_mutex_lock(&keeping->sessions->lock);
	for (size_t at = keeping->sessions->count; at--;) {
		if (is_for(&keeping->sessions->kept[at], keeping, host)) {
			remove_at(keeping->sessions, at);
		}
	}
	pthread_mutex_unlock(&keeping->sessions->lock);
}

uint64_t aic_tls_handshake_us(const SSL *tls)
{
	/* A pointer may be narrower than a time; a handshake is short enough for its differences. */
	return (uintptr_t) aic_now_us() - (uintptr_t) SSL_get_app_data(tls);
}
