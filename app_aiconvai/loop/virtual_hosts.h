/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What libwebsockets calls a virtual host: one for each set of TLS files and proxy that connections are made with. Each
 * is kept until its context is gone, as connections may use it. Not thread-safe.
 */
#ifndef AIC_VIRTUAL_HOSTS_H
#define AIC_VIRTUAL_HOSTS_H

#include <stddef.h>
#include <stdint.h>

/*
 * libwebsockets' own time limit on a connection being set up. The engine's limits come first; this one only catches
 * a connection nobody cares for any more.
 */
#define AIC_SETUP_LIMIT_SECONDS 65

struct aic_tls_files;
struct aic_tls_sessions;
struct lws_context;
struct lws_protocols;
struct lws_vhost;

/* An HTTP proxy. */
struct aic_loop_proxy {
	const char *address; /* [user:password@]address, that of IPv6 in brackets */
	uint16_t port;
};

struct aic_virtual_hosts {
	struct lws_context *context;
	const struct lws_protocols *protocols;
	struct aic_tls_sessions *tls_sessions;
	struct virtual_host *first; /* owned */
};

/*
 * The virtual host whose connections trust, and are known by, what is in `files`, and are made through the proxy (NULL:
 * none). A file that changed is read again. Returns NULL, with one sentence in `error`, when one cannot be read.
 */
struct lws_vhost *aic_virtual_hosts_find(struct aic_virtual_hosts *hosts, const struct aic_tls_files *files,
	const struct aic_loop_proxy *proxy, char *error, size_t error_size);

/* After the context is gone. */
void aic_virtual_hosts_free(struct aic_virtual_hosts *hosts);

#endif
