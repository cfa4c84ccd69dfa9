#include "../unit/core/xml_check.c"
