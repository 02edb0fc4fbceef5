/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef AIC_NET_LOG_H
#define AIC_NET_LOG_H

enum aic_log_level {
	AIC_LOG_ERROR,
	AIC_LOG_WARNING,
};

/* How this layer tells its host what no conversation can be told. Any thread; must not block. */
struct aic_log {
	void (*write)(void *user, enum aic_log_level level, const char *message);
	void *user;
};

#endif
