#include "apps/nova/cli/program.h"

int main(int argc, char** argv) { return nova::app::run_program(argc, argv); }
