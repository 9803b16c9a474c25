#include "runtime/capsules.h"
