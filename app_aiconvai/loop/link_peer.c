/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "link_state.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <time.h>

static void describe_socket(int fd, struct aic_link_peer *peer)
{
	struct sockaddr_storage address = {0};
	socklen_t length = sizeof(address), info_length;
	struct tcp_info info;
	char host[48], port[8];

	if (!getpeername(fd, (struct sockaddr *) &address, &length) && !getnameinfo((struct sockaddr *) &address, length,
		host, sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV)) {
		snprintf(peer->address, sizeof(peer->address), address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	}
	info_length = sizeof(info);
	if (!getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &info_length)) {
		peer->round_trip_us = info.tcpi_rtt;
	}
}

/* What an authority has called it, or whoever made it: the common name, or the organisation where it has none. */
static void take_name(const X509_NAME *name, char *to, size_t size)
{
	if (X509_NAME_get_text_by_NID((X509_NAME *) name, NID_commonName, to, (int) size) < 0
		&& X509_NAME_get_text_by_NID((X509_NAME *) name, NID_organizationName, to, (int) size) < 0) {
		snprintf(to, size, "no name");
	}
}

static void describe_tls(SSL *tls, struct aic_link_peer *peer)
{
	X509 *certificate = SSL_get_peer_certificate(tls);
	struct tm expires;

	snprintf(peer->tls, sizeof(peer->tls), "%s", SSL_get_version(tls));
	if (!certificate) {
		return;
	}
	take_name(X509_get_subject_name(certificate), peer->certificate, sizeof(peer->certificate));
	take_name(X509_get_issuer_name(certificate), peer->issuer, sizeof(peer->issuer));
	if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &expires)) {
		peer->expires = (int64_t) timegm(&expires);
	}
	X509_free(certificate);
}

void aic_link_describe_peer(const struct aic_link *link, struct aic_link_peer *peer)
{
	*peer = (struct aic_link_peer) {0};
	if (!link->wsi) {
		return;
	}
	describe_socket(lws_get_socket_fd(link->wsi), peer);
	if (link->url.secure && lws_get_ssl(link->wsi)) {
		describe_tls(lws_get_ssl(link->wsi), peer);
	}
}
