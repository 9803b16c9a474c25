#include "supervisor/client.h"
