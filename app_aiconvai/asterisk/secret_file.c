/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "asterisk.h"

#include "asterisk/paths.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

#include "secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A pipe or a device would be waited for. Returns how many bytes were read, or -1 with errno. */
static ssize_t read_regular(const char *path, char *bytes, size_t size)
{
	struct stat status;
	ssize_t length = -1;
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (file < 0) {
		return -1;
	}
	if (!fstat(file, &status) && !S_ISREG(status.st_mode)) {
		errno = EINVAL;
	} else {
		length = read(file, bytes, size);
	}
	close(file);
	return length;
}

char *secret_file_read(const char *value, char *problem, size_t size)
{
	const char *path = value + strlen(SECRET_FILE_PREFIX);
	char absolute[1200], line[SECRET_FILE_MAX + 2], *secret;
	ssize_t length;

	snprintf(absolute, sizeof(absolute), "%s%s%s", *path == '/' ? "" : ast_config_AST_CONFIG_DIR, *path == '/' ? ""
		: "/", path);
	length = read_regular(absolute, line, sizeof(line) - 1);
	if (length < 0) {
		snprintf(problem, size, "%.200s: %s", absolute, strerror(errno));
		return NULL;
	}
	line[length] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	secret = strlen(line) > SECRET_FILE_MAX ? NULL : ast_strdup(ast_strip(line));
	if (!secret || !*secret) {
		snprintf(problem, size, "%.200s: expected a key in its first line", absolute);
		ast_free(secret);
		secret = NULL;
	}
	/* The key itself has one place in memory, which is the agent's. */
	explicit_bzero(line, sizeof(line));
	return secret;
}
