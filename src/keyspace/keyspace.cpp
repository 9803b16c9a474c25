#include "keyspace/keyspace.h"
