/* Tests of rpc/etcd/places.c: what others may have written into etcd. */
#include "rpc/etcd/places.h"

#include <stdlib.h>

#include "test/unit/unit.h"

enum { MEMBERS = 12 };

static void put(struct etcd_places *places, const char *key, const char *value, int64_t revision) {
    Etcd__V3__KeyValue kv = ETCD__V3__KEY_VALUE__INIT;
    Etcd__V3__Event event = ETCD__V3__EVENT__INIT;
    kv.key = (ProtobufCBinaryData){strlen(key), (uint8_t *)(uintptr_t)key};
    kv.value = (ProtobufCBinaryData){strlen(value), (uint8_t *)(uintptr_t)value};
    kv.create_revision = revision;
    event.type = revision == 0 ? 1 : 0;
    event.kv = &kv;
    etcd_places_set(places, &event);
}

static unsigned count_held(const struct etcd_places *places) {
    unsigned held = 0;
    for (uint32_t at = 0; at <= places->members; at++) held += places->all[at].revision != 0;
    return held;
}

static void keys_lead_back_to_their_places(void) {
    struct etcd_places places;
    CU_ASSERT_EQUAL_FATAL(etcd_places_init(&places, "heat", MEMBERS), 0);
    for (uint32_t at = 0; at <= MEMBERS; at++) {
        char *key = etcd_places_key(&places, at);
        put(&places, key, "host=a pid=1 members=12 version=1", at + 1);
        CU_ASSERT_EQUAL(places.all[at].revision, at + 1);
        CU_ASSERT_EQUAL(count_held(&places), at + 1);
        free(key);
    }
    put(&places, "/chariot/heat/member/3", "", 0);
    CU_ASSERT_EQUAL(places.all[3].revision, 0);
    CU_ASSERT_TRUE(places.all[3].who.is_one); /* for messages */
    etcd_places_deinit(&places);
}

static void other_keys_are_no_places(void) {
    static const char *const KEYS[] = {
        "member/12", "member/",           "member/01",         "member/00", "member/-1", "member/1/", "member/1x",
        "member/+1", "member/4294967297", "member/9999999999", "member",    "head2",     "hea",       "",
        "heads"};
    struct etcd_places places;
    char key[64];
    CU_ASSERT_EQUAL_FATAL(etcd_places_init(&places, "heat", MEMBERS), 0);
    for (size_t i = 0; i < sizeof KEYS / sizeof KEYS[0]; i++) {
        snprintf(key, sizeof key, "/chariot/heat/%s", KEYS[i]);
        put(&places, key, "host=a pid=1 members=12 version=1", 5);
    }
    put(&places, "/chariot/hea", "", 5);
    put(&places, "/chariot/cold/member/1", "", 5);
    CU_ASSERT_EQUAL(count_held(&places), 0);
    etcd_places_deinit(&places);
}

static void who_is_read_as_it_is_written(void) {
    struct etcd_who who = {
        .is_one = true, .host = "b.example", .version = "0.1.0", .address = "[fe80::1]:4711", .pid = 812, .members = 4};
    char text[ETCD_TEXT_MAX];
    struct etcd_places places;
    CU_ASSERT_EQUAL_FATAL(etcd_places_init(&places, "heat", MEMBERS), 0);
    CU_ASSERT_TRUE(etcd_who_write(&who, text));
    CU_ASSERT_STRING_EQUAL(text, "host=b.example pid=812 members=4 version=0.1.0 address=[fe80::1]:4711");
    put(&places, "/chariot/heat/head", text, 7);
    CU_ASSERT_EQUAL(memcmp(&places.all[MEMBERS].who, &who, sizeof who), 0);
    etcd_places_deinit(&places);
}

static void garbage_is_nobody(void) {
    static const char *const VALUES[] = {"",
                                         "host=",
                                         "host=a",
                                         "host=a pid=x members=4 version=1",
                                         "pid=1 host=a members=4 version=1",
                                         "host=a pid=1 members=4",
                                         "host=a\npid=1 members=4 version=1",
                                         "host=a pid=1 members=4 version=1\033[2J",
                                         "host=\xc3\xa4 pid=1 members=4 version=1"};
    struct etcd_places places;
    char *longest = malloc(5001);
    CU_ASSERT_EQUAL_FATAL(etcd_places_init(&places, "heat", MEMBERS), 0);
    for (size_t i = 0; i < sizeof VALUES / sizeof VALUES[0]; i++) {
        put(&places, "/chariot/heat/member/1", VALUES[i], 5);
        CU_ASSERT_EQUAL(places.all[1].revision, 5); /* held, all the same */
        CU_ASSERT_FALSE(places.all[1].who.is_one);
    }
    memset(longest, 'x', 5000);
    longest[5000] = '\0';
    memcpy(longest, "host=", 5);
    put(&places, "/chariot/heat/member/1", longest, 5);
    CU_ASSERT_FALSE(places.all[1].who.is_one);
    free(longest);
    etcd_places_deinit(&places);
}

static void names_of_jobs_are_plain(void) {
    char longest[ETCD_JOB_NAME_MAX + 2];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    CU_ASSERT_TRUE(etcd_places_is_name("heat-2_b.C"));
    CU_ASSERT_TRUE(etcd_places_is_name(longest + 1));
    CU_ASSERT_FALSE(etcd_places_is_name(longest));
    CU_ASSERT_FALSE(etcd_places_is_name(""));
    CU_ASSERT_FALSE(etcd_places_is_name("a/b"));
    CU_ASSERT_FALSE(etcd_places_is_name("a b"));
}

UNIT_MAIN("rpc/etcd/places", UNIT(keys_lead_back_to_their_places), UNIT(other_keys_are_no_places),
          UNIT(who_is_read_as_it_is_written), UNIT(garbage_is_nobody), UNIT(names_of_jobs_are_plain))
