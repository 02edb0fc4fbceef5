/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "virtual_hosts.h"

#include "request.h"
#include "trust.h"

#include <errno.h>
#include <libwebsockets.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HOSTS_MAX 256

/* For libwebsockets: port 0 is none. */
#define NO_PROXY ":0"

/*
 * A peer whose machine is gone is found out by the kernel: asked after so many seconds in which nothing came, so often,
 * so many seconds apart. The engine's own watch over the service comes first; this one catches a connection nobody
 * cares for any more.
 */
#define KEEPALIVE_SECONDS 60
#define KEEPALIVE_PROBES 6
#define KEEPALIVE_INTERVAL_SECONDS 10

/* The files of a connection, in the order of struct aic_tls_files. */
#define FILES 3

struct virtual_host {
	struct virtual_host *next;
	char *paths[FILES];        /* owned; NULL: there is none */
	struct stat files[FILES];  /* as they were when they were read */
	char *proxy;               /* owned, may hold a password: its address; NULL: none */
	uint16_t proxy_port;
	SSL_CTX *tls; /* owned; outlives the context */
	struct lws_vhost *vhost;
};

static void free_host(struct virtual_host *host)
{
	aic_trust_free(host->tls);
	for (size_t i = 0; i < FILES; i++) {
		free(host->paths[i]);
	}
	free(host->proxy);
	free(host);
}

/* A copy of the text, where there is one. Returns 0, or -1 when memory is short. */
static int copy_text(char **to, const char *text)
{
	*to = text ? strdup(text) : NULL;
	return text && !*to ? -1 : 0;
}

static struct virtual_host *alloc_host(const char *const paths[FILES], const struct stat files[FILES],
	const struct aic_loop_proxy *proxy)
{
	struct virtual_host *host = calloc(1, sizeof(*host));
	int failed;

	if (!host) {
		return NULL;
	}
	host->proxy_port = proxy ? proxy->port : 0;
	failed = copy_text(&host->proxy, proxy ? proxy->address : NULL);
	for (size_t i = 0; i < FILES; i++) {
		failed |= copy_text(&host->paths[i], paths[i]);
		host->files[i] = files[i];
	}
	if (failed) {
		free_host(host);
		return NULL;
	}
	return host;
}

/* What says which files they were: of one that changed no session is resumed. */
static void name_files(const struct stat files[FILES], char *name, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; i < FILES && length < size; i++) {
		const struct stat *file = &files[i];

		length += (size_t) snprintf(name + length, size - length, "%llu.%llu.%lld.%lld.%ld ",
			(unsigned long long) file->st_dev, (unsigned long long) file->st_ino, (long long) file->st_size,
			(long long) file->st_mtim.tv_sec, file->st_mtim.tv_nsec);
	}
}

static struct lws_vhost *create_vhost(const struct aic_virtual_hosts *hosts, const struct virtual_host *host)
{
	struct lws_context_creation_info info = {0};
	char name[64];

	/* The name only has to differ from the others'. */
	snprintf(name, sizeof(name), "aiconvai-%p", (const void *) host);
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.protocols = hosts->protocols;
	info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	info.provided_client_ssl_ctx = host->tls;
	info.vhost_name = name;
	/* Otherwise libwebsockets takes what the environment says (http_proxy), and in Asterisk 22's the wrong way. */
	info.http_proxy_address = host->proxy ? host->proxy : NO_PROXY;
	/* By itself: what stands behind the address is a part of it to libwebsockets 4.3. */
	info.http_proxy_port = host->proxy_port;
	info.timeout_secs = AIC_SETUP_LIMIT_SECONDS;
#if LWS_LIBRARY_VERSION_NUMBER >= 4001000
	info.connect_timeout_secs = AIC_SETUP_LIMIT_SECONDS;
#endif
	info.ka_time = KEEPALIVE_SECONDS;
	info.ka_probes = KEEPALIVE_PROBES;
	info.ka_interval = KEEPALIVE_INTERVAL_SECONDS;
	return lws_create_vhost(hosts->context, &info);
}

/* Makes what libwebsockets and OpenSSL have of it. Returns 0, or -1 with one sentence in `error`. */
static int open_host(const struct aic_virtual_hosts *hosts, struct virtual_host *host,
	const struct aic_tls_files *files, char *error, size_t error_size)
{
	char name[FILES * 100];

	name_files(host->files, name, sizeof(name));
	if (!(host->tls = aic_trust_new(hosts->tls_sessions, files, name, error, error_size))) {
		return -1;
	}
	if (!(host->vhost = create_vhost(hosts, host))) {
		snprintf(error, error_size, "libwebsockets could not make a virtual host");
		return -1;
	}
	return 0;
}

/* Two files may be written within one second, and be of one length. */
static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size
		&& a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool are_equal(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool is_for(const struct virtual_host *host, const char *const paths[FILES], const struct stat files[FILES],
	const struct aic_loop_proxy *proxy)
{
	for (size_t i = 0; i < FILES; i++) {
		if (!are_equal(host->paths[i], paths[i]) || (paths[i] && !is_same_file(&host->files[i], &files[i]))) {
			return false;
		}
	}
	return are_equal(proxy ? proxy->address : NULL, host->proxy) && host->proxy_port == (proxy ? proxy->port : 0);
}

/* Looks at the files. Returns 0, or -1 with one sentence in `error`. */
static int look_at(const char *const paths[FILES], struct stat files[FILES], char *error, size_t error_size)
{
	static const char *const names[FILES] = {"certificate authorities", "certificate", "private key"};

	for (size_t i = 0; i < FILES; i++) {
		if (paths[i] && stat(paths[i], &files[i])) {
			snprintf(error, error_size, "cannot read the %s %s: %m", names[i], paths[i]);
			return -1;
		}
	}
	return 0;
}

struct lws_vhost *aic_virtual_hosts_find(struct aic_virtual_hosts *hosts, const struct aic_tls_files *files,
	const struct aic_loop_proxy *proxy, char *error, size_t error_size)
{
	const char *const paths[FILES] = {files->ca, files->certificate, files->key};
	struct stat looked_at[FILES] = {0};
	struct virtual_host *host;
	unsigned int count = 0;

	if (look_at(paths, looked_at, error, error_size)) {
		return NULL;
	}
	for (host = hosts->first; host; host = host->next, count++) {
		if (is_for(host, paths, looked_at, proxy)) {
			return host->vhost;
		}
	}
	if (count == HOSTS_MAX) {
		snprintf(error, error_size, "there have been %d certificate files and addresses of proxies: unload and load "
			"the module", HOSTS_MAX);
		return NULL;
	}
	if (!(host = alloc_host(paths, looked_at, proxy))) {
		snprintf(error, error_size, "out of memory");
		return NULL;
	}
	if (open_host(hosts, host, files, error, error_size)) {
		free_host(host);
		return NULL;
	}
	host->next = hosts->first;
	hosts->first = host;
	return host->vhost;
}

void aic_virtual_hosts_free(struct aic_virtual_hosts *hosts)
{
	while (hosts->first) {
		struct virtual_host *host = hosts->first;

		hosts->first = host->next;
		free_host(host);
	}
}
