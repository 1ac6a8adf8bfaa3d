"""Listings: every element once, whatever the page's size; markers that only the service can make."""

import re

import tap
from kms_case import KmsCase

WRONG_MARKER = re.compile("marker that specifies where pagination should next begin is not valid")


class Pages(KmsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = cls.kms("CreateKey", Tags=[{"TagKey": f"tag {i}", "TagValue": "v"} for i in range(5)])["KeyMetadata"]
        for i in range(4):
            cls.kms("CreateKey")
            cls.kms("CreateAlias", AliasName=f"alias/page-{i}", TargetKeyId=cls.key["KeyId"])
            cls.kms("RotateKeyOnDemand", KeyId=cls.key["KeyId"])
        of_key = {"KeyId": cls.key["KeyId"]}
        # operation: its list, the parameters, how many there are, the largest Limit
        cls.listings = {
            "ListKeys": ("Keys", {}, 5, 1000),
            "ListAliases": ("Aliases", {}, 4, 100),
            "ListKeyPolicies": ("PolicyNames", of_key, 1, 1000),
            "ListKeyRotations": ("Rotations", of_key, 4, 1000),
            "ListResourceTags": ("Tags", of_key, 5, 50),
        }

    def each(self, check):
        for operation, (member, parameters, count, most) in self.listings.items():
            with self.subTest(operation):
                check(operation, member, parameters, count, most)

    def test_pages_of_any_size_give_everything_once_and_in_one_order(self):
        def check(operation, member, parameters, count, most):
            whole = self.kms(operation, **parameters)
            self.assertEqual((len(whole[member]), whole["Truncated"]), (count, False))
            self.assertNotIn("NextMarker", whole)
            for limit in (1, 2, 3, count, most):
                found = self.kms.all(operation, member, Limit=limit, **parameters)
                self.assertEqual(found, whole[member])

        self.each(check)

    def test_a_page_has_as_many_elements_as_asked_for(self):
        def check(operation, member, parameters, count, _):
            page = self.kms(operation, Limit=1, **parameters)
            self.assertEqual(len(page[member]), 1)
            self.assertEqual(page["Truncated"], count > 1)

        self.each(check)

    def test_a_page_that_ends_with_the_last_element_is_not_truncated(self):
        def check(operation, _, parameters, count, __):
            self.assertFalse(self.kms(operation, Limit=count, **parameters)["Truncated"])

        self.each(check)

    def test_limits_outside_their_bounds_are_refused(self):
        def check(operation, _, parameters, __, most):
            self.refused("ValidationException",
                         "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must "
                         "have value greater than or equal to 1", operation, Limit=0, **parameters)
            self.refused("ValidationException", re.compile("'limit'|Limit"), operation, Limit=-1, **parameters)
            self.refused("ValidationException", re.compile("'limit'|Limit"), operation, Limit=1001, **parameters)
            if most < 1000:
                self.refused("ValidationException", re.compile("'limit'|Limit"), operation, Limit=most + 1,
                             **parameters)

        self.each(check)

    def test_the_largest_page_of_the_longest_elements_comes_whole(self):
        by = self.caller(region="me-south-1")
        tags = [{"TagKey": f"{i:02}" + "🔑" * 126, "TagValue": "🗝" * 256} for i in range(50)]
        key = self.new_key(by, Tags=tags)
        self.assertEqual(by("ListResourceTags", KeyId=key["KeyId"])["Tags"], tags)
        names = [f"alias/{i:02}" + "n" * 248 for i in range(50)]
        for name in names:
            by("CreateAlias", AliasName=name, TargetKeyId=key["KeyId"])
        self.assertEqual([alias["AliasName"] for alias in by("ListAliases", Limit=100)["Aliases"]], names)

    def test_a_marker_the_service_did_not_make_is_refused(self):
        def check(operation, _, parameters, __, ___):
            for marker in ("x", "00", "deadbeef" * 16, self.key["KeyId"], "z" * 1024):
                self.refused("InvalidMarkerException", WRONG_MARKER, operation, Marker=marker, **parameters)
            self.refused("ValidationException", re.compile("'marker' failed to satisfy constraint"), operation,
                         Marker="", **parameters)
            self.refused("ValidationException", re.compile("'marker' failed to satisfy constraint"), operation,
                         Marker="m" * 1025, **parameters)

        self.each(check)

    def test_a_marker_changed_by_a_byte_is_refused(self):
        marker = self.kms("ListKeys", Limit=1)["NextMarker"]
        for i in range(len(marker)):
            changed = marker[:i] + ("0" if marker[i] != "0" else "1") + marker[i + 1:]
            self.refused("InvalidMarkerException", WRONG_MARKER, "ListKeys", Marker=changed)

    def test_a_marker_of_one_listing_is_none_of_another(self):
        by = self.caller(region="ap-south-1")
        keys = [self.new_key(by, Tags=[{"TagKey": name, "TagValue": ""} for name in "ab"]) for _ in range(2)]
        for i in range(2):
            by("CreateAlias", AliasName=f"alias/{i}", TargetKeyId=keys[0]["KeyId"])
        other = keys[1]
        of_tags = by("ListResourceTags", KeyId=keys[0]["KeyId"], Limit=1)["NextMarker"]
        of_keys = by("ListKeys", Limit=1)["NextMarker"]
        of_aliases = by("ListAliases", KeyId=keys[0]["KeyId"], Limit=1)["NextMarker"]
        for operation, parameters, marker in (
                ("ListResourceTags", {"KeyId": other["KeyId"]}, of_tags), ("ListKeys", {}, of_tags),
                ("ListAliases", {}, of_keys), ("ListAliases", {}, of_aliases),
                ("ListAliases", {"KeyId": other["KeyId"]}, of_aliases)):
            self.refused("InvalidMarkerException", WRONG_MARKER, operation, by, Marker=marker, **parameters)

    def test_a_marker_holds_while_elements_come_and_go_and_after_a_restart(self):
        first = self.kms("ListAliases", Limit=2)
        self.assertEqual([alias["AliasName"] for alias in first["Aliases"]], ["alias/page-0", "alias/page-1"])
        self.kms("DeleteAlias", AliasName="alias/page-1")
        self.kms("CreateAlias", AliasName="alias/page-0a", TargetKeyId=self.key["KeyId"])
        self.service.restart()
        self.callers.clear()
        type(self).kms = self.caller()
        rest = self.kms("ListAliases", Limit=2, Marker=first["NextMarker"])
        self.assertEqual([alias["AliasName"] for alias in rest["Aliases"]], ["alias/page-2", "alias/page-3"])
        self.kms("DeleteAlias", AliasName="alias/page-0a")
        self.kms("CreateAlias", AliasName="alias/page-1", TargetKeyId=self.key["KeyId"])

    def test_without_a_limit_a_page_has_aws_s_number_of_elements(self):
        by = self.caller(region="eu-west-2")
        key = self.new_key(by)
        for i in range(100):
            by("CreateKey")
        for i in range(50):
            by("CreateAlias", AliasName=f"alias/{i:03}", TargetKeyId=key["KeyId"])
        by("CreateAlias", AliasName="alias/last", TargetKeyId=self.new_key(by)["KeyId"])
        self.assertEqual([len(by("ListKeys")["Keys"]), by("ListKeys")["Truncated"]], [100, True])
        self.assertEqual([len(by("ListAliases")["Aliases"]), by("ListAliases")["Truncated"]], [50, True])


if __name__ == "__main__":
    tap.main()
