/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The options of aiconvai.conf: the table generated from configs/options.json. How a section is read: settings.h.
 */
#ifndef AIC_OPTIONS_H
#define AIC_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aic_string_list {
	char **items; /* owned, each one too */
	size_t count;
};

/* An entry name=value of an option that may be given several times: how long its name is, and its value. */
size_t aic_entry_name_length(const char *entry);
const char *aic_entry_value(const char *entry);

/* The first entry of that name, in whatever case; NULL: there is none. */
const char *aic_entry_find(const struct aic_string_list *entries, const char *name);

/* struct aic_settings, struct aic_tool_settings and struct aic_prompt_settings: one field for every option. */
#include "options_table.h"

enum aic_option_scope {
	AIC_SCOPE_GENERAL, /* only in [general] */
	AIC_SCOPE_AGENT,   /* only in an agent's section */
	AIC_SCOPE_BOTH,    /* [general] sets the default, an agent's section overrides it */
	AIC_SCOPE_TOOL,    /* only in a section [tool-NAME] */
	AIC_SCOPE_PROMPT,  /* only in a section [prompt-NAME] */
};

enum aic_option_type {
	AIC_TYPE_BOOLEAN,
	AIC_TYPE_INTEGER,
	AIC_TYPE_NUMBER, /* with a decimal fraction */
	AIC_TYPE_ENUM,
	AIC_TYPE_STRING,
	AIC_TYPE_URL,
	AIC_TYPE_PATH,
	AIC_TYPE_LIST,
	AIC_TYPE_JSON, /* the text of an object */
};

/* The default of an option with one provider. */
struct aic_provider_default {
	enum aic_option_provider provider;
	const char *value; /* NULL: the end of the list */
};

/* What the options of an agent ask of each other. */
struct aic_option_rule {
	enum aic_option_provider provider;
	const char *with;   /* holds where this is set; NULL: always */
	const char *unless; /* and this is not; NULL: whatever else is set */
	const char *needs;  /* then this must be */
	const char *advice;
};

struct aic_option {
	const char *name;
	const char *const *aliases; /* ends with NULL; NULL: none */
	enum aic_option_scope scope;
	enum aic_option_type type;
	const char *unit;
	int64_t min, max;         /* of an integer, of a text's length, of a list's count */
	double number_min, number_max; /* of a number */
	uint32_t providers;       /* one bit for each it is for, 1 << enum aic_option_provider; 0: for all */
	const char *const *words; /* an enum's values or a url's schemes, ends with NULL */
	bool multiple;            /* may be given several times */
	bool secret;              /* never shown whole */
	const char *default_value; /* as text; NULL: not set */
	const struct aic_provider_default *provider_defaults; /* go before it; NULL: none */
	const char *help;
	const char *prefix;       /* of a multiple option: PREFIXname = value is one name=value of it; NULL: none */
	/* What a string's value, or that of name=value, may be, or begin with where the form ends with a colon; ends with
	 * NULL; NULL: anything. */
	const char *const *forms;
	size_t offset; /* in the struct of its scope */
};

/* The table; `*count` is how many. */
const struct aic_option *aic_options(size_t *count);

/* The option of that name, alias or prefix, upper or lower case alike; NULL if there is none. */
const struct aic_option *aic_option_find(const char *name);

/* The option's name (or alias) that is nearest to an unknown one, NULL if none is near. */
const char *aic_option_nearest_name(const char *name);

/* What the options of an agent ask of each other; `*count` is how many. */
const struct aic_option_rule *aic_option_rules(size_t *count);

/*
 * Writes a secret so that it can be shown: "****" and its last four characters (only stars if it is short). Returns
 * `buffer`.
 */
const char *aic_mask_secret(const char *secret, char *buffer, size_t size);

#endif
