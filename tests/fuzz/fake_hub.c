/* The hub of the unit tests. */
#include "../unit/xmpp/fake_hub.c" /* NOLINT(bugprone-suspicious-include) */
