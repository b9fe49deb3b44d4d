/* test/unit/deploy/address_test.c: where PEs listen, by interface, by address, and as options say it. */
#include "deploy/address.h"

#include <stdlib.h>
#include <string.h>

#include "test/unit/unit.h"

static struct deploy_reason reason;

static int settle(const char *interface, const char *advertise, const char *reached) {
    const struct deploy_address address = {.interface = interface, .advertise = advertise, .reached = reached};
    reason.text[0] = '\0';
    return deploy_address_settle(&address, &reason);
}

static void expect(const char *on, const char *others) {
    CU_ASSERT_STRING_EQUAL(getenv("CHARIOT_LISTEN"), on);
    CU_ASSERT_STRING_EQUAL(getenv("CHARIOT_ADDRESS"), others);
}

static void the_address_by_which_the_host_was_reached(void) {
    CU_ASSERT_EQUAL(settle("", "", "127.0.0.1"), 0);
    expect("127.0.0.1", "127.0.0.1");
    CU_ASSERT_EQUAL(settle(NULL, NULL, "::1"), 0);
    expect("::1", "::1");
}

static void the_address_of_an_interface(void) {
    CU_ASSERT_EQUAL(settle("lo", NULL, "10.1.2.3"), 0);
    expect("127.0.0.1", "127.0.0.1");
}

static void an_address_that_is_advertised(void) {
    CU_ASSERT_EQUAL(settle(NULL, "127.0.0.7", "10.1.2.3"), 0);
    expect("127.0.0.7", "127.0.0.7");
    CU_ASSERT_EQUAL(settle("lo", "192.0.2.77", "10.1.2.3"), 0);
    expect("127.0.0.1", "192.0.2.77");
}

static void an_address_of_something_on_the_way_is_listened_for_on_all(void) {
    CU_ASSERT_EQUAL(settle(NULL, "203.0.113.9", "10.1.2.3"), 0);
    expect("0.0.0.0", "203.0.113.9");
    CU_ASSERT_EQUAL(settle(NULL, "2001:db8::9", "10.1.2.3"), 0);
    expect("::", "2001:db8::9");
}

static void this_host_knows_better(void) {
    setenv("CHARIOT_INTERFACE", "lo", 1);
    setenv("CHARIOT_ADVERTISE", "203.0.113.9", 1);
    CU_ASSERT_EQUAL(settle("nothing", "198.51.100.1", "10.1.2.3"), 0);
    expect("127.0.0.1", "203.0.113.9");
    unsetenv("CHARIOT_INTERFACE");
    unsetenv("CHARIOT_ADVERTISE");
}

static void what_is_not_there_is_named(void) {
    CU_ASSERT_NOT_EQUAL(settle("eth99", NULL, "127.0.0.1"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(reason.text, "there is no interface 'eth99'; there are: lo"));
    CU_ASSERT_NOT_EQUAL(settle(NULL, "nohost.invalid", "127.0.0.1"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(reason.text, "no address 'nohost.invalid' that others could use"));
}

static void ports_must_be_enough(void) {
    CU_ASSERT_EQUAL(deploy_address_check_ports("5000-5003", 4, "a", &reason), 0);
    CU_ASSERT_NOT_EQUAL(deploy_address_check_ports("5000-5003", 5, "a", &reason), 0);
    CU_ASSERT_STRING_EQUAL(reason.text, "--ports 5000-5003 is 4 port(s), and host a has 5 PEs");
    static const char *const bad[] = {"5000", "0-5", "6-5", "1-65536", "1-2x", "x", "-1-2", ""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CU_ASSERT_NOT_EQUAL(deploy_address_check_ports(bad[i], 1, "a", &reason), 0);
}

static void each_host_has_its_own(void) {
    struct deploy_hosts hosts;
    CU_ASSERT_EQUAL_FATAL(deploy_hosts_parse(&hosts, "a:2,b:2", &reason), 0);
    CU_ASSERT_EQUAL(deploy_address_of_hosts(&hosts, "b=::1,a=10.0.0.1", &reason), 0);
    CU_ASSERT_STRING_EQUAL(hosts.items[0].address, "10.0.0.1");
    CU_ASSERT_STRING_EQUAL(hosts.items[1].address, "::1");
    CU_ASSERT_NOT_EQUAL(deploy_address_of_hosts(&hosts, "c=10.0.0.1", &reason), 0);
    CU_ASSERT_STRING_EQUAL(reason.text, "--advertise: 'c' is no host of this job");
    CU_ASSERT_NOT_EQUAL(deploy_address_of_hosts(&hosts, "10.0.0.1", &reason), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(reason.text, "--advertise takes HOST=ADDRESS"));
    deploy_hosts_deinit(&hosts);
}

int main(int argc, char **argv) {
    static const struct unit_test tests[] = {
        UNIT(the_address_by_which_the_host_was_reached),
        UNIT(the_address_of_an_interface),
        UNIT(an_address_that_is_advertised),
        UNIT(an_address_of_something_on_the_way_is_listened_for_on_all),
        UNIT(this_host_knows_better),
        UNIT(what_is_not_there_is_named),
        UNIT(ports_must_be_enough),
        UNIT(each_host_has_its_own),
    };
    return unit_main(argc, argv, "deploy/address", tests, sizeof tests / sizeof tests[0]);
}
