#ifndef TESTS_UNIT_CORE_CONFIG_FIXTURE_H
#define TESTS_UNIT_CORE_CONFIG_FIXTURE_H

#include <belfry/base/buf.h>
#include <belfry/core/config.h>

/* Configuration files in a directory of their own, and what loading them said. */
extern char config_path[64], config_secret_path[64];
extern struct buf problems, warnings;

/* For cmocka_run_group_tests(). */
int config_dir_make(void **state);
int config_dir_remove(void **state);

/* NAME with mode 0600. */
void config_write(const char *name, const char *text, size_t len);
/* Loads TEXT (NULL: no file) with the variables ENV. */
struct config *config_load_with(const char *text, char *const *env);
/* The same, which must be without problems. */
struct config *config_load_ok(const char *text, char *const *env);

#endif
