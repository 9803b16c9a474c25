#include "storage/images.h"
