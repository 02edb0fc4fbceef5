/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * TLS sessions kept from one connection to the next with the same host, and how long handshakes take. One store serves
 * the connections of all loops, whose calls take turns.
 *
 * A session is offered only under the host name it was made for, only to connections that trust the same authorities,
 * and only where the certificate in it would be accepted at that moment as well.
 *
 * Threads: the store locks itself, for a few instructions; a context and its connections belong to a loop.
 */
#ifndef AIC_TLS_SESSIONS_H
#define AIC_TLS_SESSIONS_H

#include <openssl/ssl.h>
#include <stdint.h>

struct aic_tls_sessions;

/* NULL when memory is short. */
struct aic_tls_sessions *aic_tls_sessions_new(void);

/* No context may be left that keeps sessions in it. */
void aic_tls_sessions_free(struct aic_tls_sessions *sessions);

/*
 * Has the connections of `context` keep sessions and resume them; `trust` names the authorities that it trusts
 * (copied). Takes the application data and the callbacks of the context for new sessions and information, and the
 * application data of its connections. Returns 0, or -1 when memory is short.
 */
int aic_tls_sessions_keep(struct aic_tls_sessions *sessions, SSL_CTX *context, const char *trust);

/* The context keeps nothing from then on. */
void aic_tls_sessions_drop(SSL_CTX *context);

/* Forgets the sessions with the host of a connection whose handshake failed. */
void aic_tls_sessions_forget(const SSL *tls);

/* Microseconds since the handshake of the connection began. */
uint64_t aic_tls_handshake_us(const SSL *tls);

#endif
