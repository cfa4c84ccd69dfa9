#include "commanding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

void assert_no(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("'%s' is in '%s'", part, text);
}
