#include "apps/nova/cli/error_words.h"

#include <gtest/gtest.h>

namespace nova::app {
namespace {

using base::Code;
using base::Error;

TEST(ErrorWords, are_those_of_the_command_line_where_an_object_is_not_there)
{
    EXPECT_EQ(words_of(Error{Code::not_found, "pods \"wbe\" not found"}),
              "there is no container \"wbe\"; 'nova ls' shows what there is");
    EXPECT_EQ(words_of(Error{Code::not_found, "virtualmachines \"x\" not found"}),
              "there is no vm \"x\"; 'nova ls' shows what there is");
    EXPECT_EQ(words_of(Error{Code::not_found, "networks \"lba\" not found"}),
              "there is no network \"lba\"; 'nova ls networks' shows what there is");
}

TEST(ErrorWords, tell_how_to_make_room_for_an_object_that_is_there_already)
{
    EXPECT_EQ(words_of(Error{Code::already_exists, "pods \"one\" already exists"}),
              "container \"one\" is there already; 'nova rm container one' removes it");
}

TEST(ErrorWords, are_left_alone_where_they_say_anything_else)
{
    for (const char* const words : {"no such file", "things \"a\" not found", "start: pods \"a\" not found", "\" not found"})
        EXPECT_EQ(words_of(Error{Code::not_found, words}), words);
    EXPECT_EQ(words_of(Error{Code::aborted, "pods \"a\" not found"}), "pods \"a\" not found");
}

} // namespace
} // namespace nova::app
