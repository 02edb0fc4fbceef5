/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * TLS sessions kept from one connection to the next with the same host, and how long handshakes take.
 *
 * They are kept with the client context they came from, and so with its authorities. One is offered only under the host
 * name it was made for, and only where the certificate in it would be accepted at that moment as well.
 *
 * Threads: that of the event loop the context is made for.
 */
#ifndef AIC_TLS_SESSIONS_H
#define AIC_TLS_SESSIONS_H

#include <openssl/ssl.h>
#include <stdint.h>

/*
 * Has the connections of `context` keep sessions and resume them. Takes the application data and the callbacks of the
 * context for new sessions and information, and the application data of its connections. Returns 0, or -1 when memory
 * is short.
 */
int aic_tls_sessions_keep(SSL_CTX *context);

/* Forgets what was kept with the context. It keeps nothing from then on. */
void aic_tls_sessions_drop(SSL_CTX *context);

/* Forgets the sessions with the host of a connection whose handshake failed. */
void aic_tls_sessions_forget(const SSL *tls);

/* Microseconds since the handshake of the connection began. */
uint64_t aic_tls_handshake_us(const SSL *tls);

#endif
