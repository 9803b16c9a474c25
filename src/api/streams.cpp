#include "api/streams.h"
