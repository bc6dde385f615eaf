// toml++ as the content parser uses it: header-only, errors as values. Private to the room.
#pragma once
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>
