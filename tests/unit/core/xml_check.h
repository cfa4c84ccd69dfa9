#ifndef BELFRY_TESTS_UNIT_CORE_XML_CHECK_H
#define BELFRY_TESTS_UNIT_CORE_XML_CHECK_H

#include <stddef.h>

/*
 * A second opinion on what render writes: the XML 1.0 that a stream allows (elements,
 * attributes, text, the five entities and character references), strictly.
 * NULL if XML is one well-formed element, or what is wrong with it.
 */
const char *xml_check(const char *xml, size_t len);

/* The first element NAME's text up to its end tag, unescaped and malloc'ed, or NULL. */
char *xml_content(const char *xml, const char *name);
/* The value of the first attribute NAME, unescaped and malloc'ed, or NULL. */
char *xml_attribute(const char *xml, const char *name);

#endif
