#include "apps/nebulon/commands.h"

int main(int argc, char** argv) { return nova::nebulon::run_nebulon(argc, argv); }
