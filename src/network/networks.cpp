#include "network/networks.h"
