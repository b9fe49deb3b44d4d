/* Tests of deploy/nearest.c. */
#include "deploy/nearest.h"

#include <stdint.h>

#include "test/unit/unit.h"

static void distance_counts_each_kind_of_edit_once(void) {
    CU_ASSERT_EQUAL(deploy_nearest_distance("run", "run"), 0);
    CU_ASSERT_EQUAL(deploy_nearest_distance("rn", "run"), 1);
    CU_ASSERT_EQUAL(deploy_nearest_distance("runn", "run"), 1);
    CU_ASSERT_EQUAL(deploy_nearest_distance("ran", "run"), 1);
    CU_ASSERT_EQUAL(deploy_nearest_distance("rnu", "run"), 1);
    CU_ASSERT_EQUAL(deploy_nearest_distance("", "run"), 3);
    CU_ASSERT_EQUAL(deploy_nearest_distance("run", ""), 3);
    CU_ASSERT_EQUAL(deploy_nearest_distance("--transprot", "--transport"), 1);
}

static void distance_is_symmetric(void) {
    static const char *const WORDS[] = {"", "a", "run", "nur", "--tag", "--timeout", "version"};
    for (size_t i = 0; i < 7; i++) {
        for (size_t j = 0; j < 7; j++) {
            CU_ASSERT_EQUAL(deploy_nearest_distance(WORDS[i], WORDS[j]), deploy_nearest_distance(WORDS[j], WORDS[i]));
        }
    }
}

static void words_of_more_than_63_bytes_are_far_from_all(void) {
    char word[66];
    memset(word, 'x', 65);
    word[65] = '\0';
    CU_ASSERT_EQUAL(deploy_nearest_distance(word, word), SIZE_MAX);
    word[63] = '\0';
    CU_ASSERT_EQUAL(deploy_nearest_distance(word, word), 0);
}

static void the_closest_candidate_is_kept(void) {
    const char *best = NULL;
    deploy_nearest_consider("--tga", "--timeout", &best);
    CU_ASSERT_PTR_NULL(best);
    deploy_nearest_consider("--tga", "--tag", &best);
    CU_ASSERT_STRING_EQUAL(best, "--tag");
    deploy_nearest_consider("--tga", "--tog", &best);
    CU_ASSERT_STRING_EQUAL(best, "--tag");
}

static void a_word_like_none_has_no_candidate(void) {
    const char *best = NULL;
    deploy_nearest_consider("frobnicate", "run", &best);
    deploy_nearest_consider("frobnicate", "version", &best);
    CU_ASSERT_PTR_NULL(best);
}

UNIT_MAIN("deploy/nearest", UNIT(distance_counts_each_kind_of_edit_once), UNIT(distance_is_symmetric),
          UNIT(words_of_more_than_63_bytes_are_far_from_all), UNIT(the_closest_candidate_is_kept),
          UNIT(a_word_like_none_has_no_candidate))
