/*
 * Made by tools/make-shapes from the sts model of botocore 1.43.11
 * (API version 2011-06-15). Do not edit: change the tool or the model and run it again.
 */
#include "api/shape.h"

static const shape_t shape_roleDurationSecondsType = {
    .name = "roleDurationSecondsType", .kind = SHAPE_INTEGER, .min = 900, .max = 43200,
};
static const pattern_range pattern_1_ranges[] = {
    { 0x2b, 0x3a, 0 }, { 0x3d, 0x3d, 0 }, { 0x40, 0x5a, 0 }, { 0x5f, 0x5f, 0 }, { 0x61, 0x7a, 0 },
};
static const uint8_t pattern_1_next[] = { 0, 1 };
static const pattern_t pattern_1 = {
    .text = "[\\w+=,.@:\\/-]*", .ranges = pattern_1_ranges, .n_ranges = 5, .next = pattern_1_next,
    .n_classes = 1, .start = 1, .first_end = 1,
};
static const shape_t shape_externalIdType = {
    .name = "externalIdType", .kind = SHAPE_STRING, .min = 2, .max = 1224, .pattern = &pattern_1,
};
static const pattern_range pattern_2_ranges[] = { { 0x9, 0xa, 0 }, { 0xd, 0xd, 0 }, { 0x20, 0xff, 0 } };
static const uint8_t pattern_2_next[] = { 0, 2, 2 };
static const pattern_t pattern_2 = {
    .text = "[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+", .ranges = pattern_2_ranges, .n_ranges = 3,
    .next = pattern_2_next, .n_classes = 1, .start = 1, .first_end = 2,
};
static const shape_t shape_unrestrictedSessionPolicyDocumentType = {
    .name = "unrestrictedSessionPolicyDocumentType", .kind = SHAPE_STRING, .min = 1, .max = -1,
    .pattern = &pattern_2,
};
static const pattern_range pattern_3_ranges[] = {
    { 0x9, 0xa, 0 }, { 0xd, 0xd, 0 }, { 0x20, 0xd7ff, 0 }, { 0xe000, 0xfffd, 0 },
};
static const uint8_t pattern_3_next[] = { 0, 2, 2 };
static const pattern_t pattern_3 = {
    .text = "[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u0085\\u00A0-\\uD7FF\\uE000-\\uFFFD\\u10000-\\u10FFFF]+",
    .ranges = pattern_3_ranges, .n_ranges = 4, .next = pattern_3_next, .n_classes = 1, .start = 1,
    .first_end = 2,
};
static const shape_t shape_arnType = {
    .name = "arnType", .kind = SHAPE_STRING, .min = 20, .max = 2048, .pattern = &pattern_3,
};
static const shape_member members_PolicyDescriptorType[] = {
    { "arn", &shape_arnType, false },
    { NULL, NULL, false },
};
static const shape_t shape_PolicyDescriptorType = {
    .name = "PolicyDescriptorType", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_PolicyDescriptorType,
};
static const shape_t shape_policyDescriptorListType = {
    .name = "policyDescriptorListType", .kind = SHAPE_LIST, .min = -1, .max = -1,
    .element = &shape_PolicyDescriptorType,
};
static const shape_t shape_contextAssertionType = {
    .name = "contextAssertionType", .kind = SHAPE_STRING, .min = 4, .max = 2048,
};
static const shape_member members_ProvidedContext[] = {
    { "ContextAssertion", &shape_contextAssertionType, false },
    { "ProviderArn", &shape_arnType, false },
    { NULL, NULL, false },
};
static const shape_t shape_ProvidedContext = {
    .name = "ProvidedContext", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_ProvidedContext,
};
static const shape_t shape_ProvidedContextsListType = {
    .name = "ProvidedContextsListType", .kind = SHAPE_LIST, .min = 1, .max = 5,
    .element = &shape_ProvidedContext,
};
static const pattern_range pattern_4_ranges[] = {
    { 0x2b, 0x2e, 0 }, { 0x30, 0x39, 0 }, { 0x3d, 0x3d, 0 }, { 0x40, 0x5a, 0 }, { 0x5f, 0x5f, 0 },
    { 0x61, 0x7a, 0 },
};
static const uint8_t pattern_4_next[] = { 0, 1 };
static const pattern_t pattern_4 = {
    .text = "[\\w+=,.@-]*", .ranges = pattern_4_ranges, .n_ranges = 6, .next = pattern_4_next,
    .n_classes = 1, .start = 1, .first_end = 1,
};
static const shape_t shape_roleSessionNameType = {
    .name = "roleSessionNameType", .kind = SHAPE_STRING, .min = 2, .max = 64, .pattern = &pattern_4,
};
static const pattern_range pattern_5_ranges[] = {
    { 0x2b, 0x3a, 0 }, { 0x3d, 0x3d, 0 }, { 0x40, 0x5a, 0 }, { 0x5f, 0x5f, 0 }, { 0x61, 0x7a, 0 },
};
static const uint8_t pattern_5_next[] = { 0, 1 };
static const pattern_t pattern_5 = {
    .text = "[\\w+=/:,.@-]*", .ranges = pattern_5_ranges, .n_ranges = 5, .next = pattern_5_next,
    .n_classes = 1, .start = 1, .first_end = 1,
};
static const shape_t shape_serialNumberType = {
    .name = "serialNumberType", .kind = SHAPE_STRING, .min = 9, .max = 256, .pattern = &pattern_5,
};
static const shape_t shape_sourceIdentityType = {
    .name = "sourceIdentityType", .kind = SHAPE_STRING, .min = 2, .max = 64, .pattern = &pattern_4,
};
static const pattern_range pattern_6_ranges[] = {
    { 0x20, 0x20, 0 }, { 0x2b, 0x2b, 0 }, { 0x2d, 0x3a, 0 }, { 0x3d, 0x3d, 0 }, { 0x40, 0x5a, 0 },
    { 0x5f, 0x5f, 0 }, { 0x61, 0x7a, 0 }, { 0xa0, 0xa0, 0 }, { 0xaa, 0xaa, 0 }, { 0xb2, 0xb3, 0 },
    { 0xb5, 0xb5, 0 }, { 0xb9, 0xba, 0 }, { 0xbc, 0xbe, 0 }, { 0xc0, 0xd6, 0 }, { 0xd8, 0xf6, 0 },
    { 0xf8, 0x2c1, 0 }, { 0x2c6, 0x2d1, 0 }, { 0x2e0, 0x2e4, 0 }, { 0x2ec, 0x2ec, 0 }, { 0x2ee, 0x2ee, 0 },
    { 0x370, 0x374, 0 }, { 0x376, 0x377, 0 }, { 0x37a, 0x37d, 0 }, { 0x37f, 0x37f, 0 }, { 0x386, 0x386, 0 },
    { 0x388, 0x38a, 0 }, { 0x38c, 0x38c, 0 }, { 0x38e, 0x3a1, 0 }, { 0x3a3, 0x3f5, 0 }, { 0x3f7, 0x481, 0 },
    { 0x48a, 0x52f, 0 }, { 0x531, 0x556, 0 }, { 0x559, 0x559, 0 }, { 0x560, 0x588, 0 }, { 0x5d0, 0x5ea, 0 },
    { 0x5ef, 0x5f2, 0 }, { 0x620, 0x64a, 0 }, { 0x660, 0x669, 0 }, { 0x66e, 0x66f, 0 }, { 0x671, 0x6d3, 0 },
    { 0x6d5, 0x6d5, 0 }, { 0x6e5, 0x6e6, 0 }, { 0x6ee, 0x6fc, 0 }, { 0x6ff, 0x6ff, 0 }, { 0x710, 0x710, 0 },
    { 0x712, 0x72f, 0 }, { 0x74d, 0x7a5, 0 }, { 0x7b1, 0x7b1, 0 }, { 0x7c0, 0x7ea, 0 }, { 0x7f4, 0x7f5, 0 },
    { 0x7fa, 0x7fa, 0 }, { 0x800, 0x815, 0 }, { 0x81a, 0x81a, 0 }, { 0x824, 0x824, 0 }, { 0x828, 0x828, 0 },
    { 0x840, 0x858, 0 }, { 0x860, 0x86a, 0 }, { 0x870, 0x887, 0 }, { 0x889, 0x88e, 0 }, { 0x8a0, 0x8c9, 0 },
    { 0x904, 0x939, 0 }, { 0x93d, 0x93d, 0 }, { 0x950, 0x950, 0 }, { 0x958, 0x961, 0 }, { 0x966, 0x96f, 0 },
    { 0x971, 0x980, 0 }, { 0x985, 0x98c, 0 }, { 0x98f, 0x990, 0 }, { 0x993, 0x9a8, 0 }, { 0x9aa, 0x9b0, 0 },
    { 0x9b2, 0x9b2, 0 }, { 0x9b6, 0x9b9, 0 }, { 0x9bd, 0x9bd, 0 }, { 0x9ce, 0x9ce, 0 }, { 0x9dc, 0x9dd, 0 },
    { 0x9df, 0x9e1, 0 }, { 0x9e6, 0x9f1, 0 }, { 0x9f4, 0x9f9, 0 }, { 0x9fc, 0x9fc, 0 }, { 0xa05, 0xa0a, 0 },
    { 0xa0f, 0xa10, 0 }, { 0xa13, 0xa28, 0 }, { 0xa2a, 0xa30, 0 }, { 0xa32, 0xa33, 0 }, { 0xa35, 0xa36, 0 },
    { 0xa38, 0xa39, 0 }, { 0xa59, 0xa5c, 0 }, { 0xa5e, 0xa5e, 0 }, { 0xa66, 0xa6f, 0 }, { 0xa72, 0xa74, 0 },
    { 0xa85, 0xa8d, 0 }, { 0xa8f, 0xa91, 0 }, { 0xa93, 0xaa8, 0 }, { 0xaaa, 0xab0, 0 }, { 0xab2, 0xab3, 0 },
    { 0xab5, 0xab9, 0 }, { 0xabd, 0xabd, 0 }, { 0xad0, 0xad0, 0 }, { 0xae0, 0xae1, 0 }, { 0xae6, 0xaef, 0 },
    { 0xaf9, 0xaf9, 0 }, { 0xb05, 0xb0c, 0 }, { 0xb0f, 0xb10, 0 }, { 0xb13, 0xb28, 0 }, { 0xb2a, 0xb30, 0 },
    { 0xb32, 0xb33, 0 }, { 0xb35, 0xb39, 0 }, { 0xb3d, 0xb3d, 0 }, { 0xb5c, 0xb5d, 0 }, { 0xb5f, 0xb61, 0 },
    { 0xb66, 0xb6f, 0 }, { 0xb71, 0xb77, 0 }, { 0xb83, 0xb83, 0 }, { 0xb85, 0xb8a, 0 }, { 0xb8e, 0xb90, 0 },
    { 0xb92, 0xb95, 0 }, { 0xb99, 0xb9a, 0 }, { 0xb9c, 0xb9c, 0 }, { 0xb9e, 0xb9f, 0 }, { 0xba3, 0xba4, 0 },
    { 0xba8, 0xbaa, 0 }, { 0xbae, 0xbb9, 0 }, { 0xbd0, 0xbd0, 0 }, { 0xbe6, 0xbf2, 0 }, { 0xc05, 0xc0c, 0 },
    { 0xc0e, 0xc10, 0 }, { 0xc12, 0xc28, 0 }, { 0xc2a, 0xc39, 0 }, { 0xc3d, 0xc3d, 0 }, { 0xc58, 0xc5a, 0 },
    { 0xc5d, 0xc5d, 0 }, { 0xc60, 0xc61, 0 }, { 0xc66, 0xc6f, 0 }, { 0xc78, 0xc7e, 0 }, { 0xc80, 0xc80, 0 },
    { 0xc85, 0xc8c, 0 }, { 0xc8e, 0xc90, 0 }, { 0xc92, 0xca8, 0 }, { 0xcaa, 0xcb3, 0 }, { 0xcb5, 0xcb9, 0 },
    { 0xcbd, 0xcbd, 0 }, { 0xcdd, 0xcde, 0 }, { 0xce0, 0xce1, 0 }, { 0xce6, 0xcef, 0 }, { 0xcf1, 0xcf2, 0 },
    { 0xd04, 0xd0c, 0 }, { 0xd0e, 0xd10, 0 }, { 0xd12, 0xd3a, 0 }, { 0xd3d, 0xd3d, 0 }, { 0xd4e, 0xd4e, 0 },
    { 0xd54, 0xd56, 0 }, { 0xd58, 0xd61, 0 }, { 0xd66, 0xd78, 0 }, { 0xd7a, 0xd7f, 0 }, { 0xd85, 0xd96, 0 },
    { 0xd9a, 0xdb1, 0 }, { 0xdb3, 0xdbb, 0 }, { 0xdbd, 0xdbd, 0 }, { 0xdc0, 0xdc6, 0 }, { 0xde6, 0xdef, 0 },
    { 0xe01, 0xe30, 0 }, { 0xe32, 0xe33, 0 }, { 0xe40, 0xe46, 0 }, { 0xe50, 0xe59, 0 }, { 0xe81, 0xe82, 0 },
    { 0xe84, 0xe84, 0 }, { 0xe86, 0xe8a, 0 }, { 0xe8c, 0xea3, 0 }, { 0xea5, 0xea5, 0 }, { 0xea7, 0xeb0, 0 },
    { 0xeb2, 0xeb3, 0 }, { 0xebd, 0xebd, 0 }, { 0xec0, 0xec4, 0 }, { 0xec6, 0xec6, 0 }, { 0xed0, 0xed9, 0 },
    { 0xedc, 0xedf, 0 }, { 0xf00, 0xf00, 0 }, { 0xf20, 0xf33, 0 }, { 0xf40, 0xf47, 0 }, { 0xf49, 0xf6c, 0 },
    { 0xf88, 0xf8c, 0 }, { 0x1000, 0x102a, 0 }, { 0x103f, 0x1049, 0 }, { 0x1050, 0x1055, 0 },
    { 0x105a, 0x105d, 0 }, { 0x1061, 0x1061, 0 }, { 0x1065, 0x1066, 0 }, { 0x106e, 0x1070, 0 },
    { 0x1075, 0x1081, 0 }, { 0x108e, 0x108e, 0 }, { 0x1090, 0x1099, 0 }, { 0x10a0, 0x10c5, 0 },
    { 0x10c7, 0x10c7, 0 }, { 0x10cd, 0x10cd, 0 }, { 0x10d0, 0x10fa, 0 }, { 0x10fc, 0x1248, 0 },
    { 0x124a, 0x124d, 0 }, { 0x1250, 0x1256, 0 }, { 0x1258, 0x1258, 0 }, { 0x125a, 0x125d, 0 },
    { 0x1260, 0x1288, 0 }, { 0x128a, 0x128d, 0 }, { 0x1290, 0x12b0, 0 }, { 0x12b2, 0x12b5, 0 },
    { 0x12b8, 0x12be, 0 }, { 0x12c0, 0x12c0, 0 }, { 0x12c2, 0x12c5, 0 }, { 0x12c8, 0x12d6, 0 },
    { 0x12d8, 0x1310, 0 }, { 0x1312, 0x1315, 0 }, { 0x1318, 0x135a, 0 }, { 0x1369, 0x137c, 0 },
    { 0x1380, 0x138f, 0 }, { 0x13a0, 0x13f5, 0 }, { 0x13f8, 0x13fd, 0 }, { 0x1401, 0x166c, 0 },
    { 0x166f, 0x169a, 0 }, { 0x16a0, 0x16ea, 0 }, { 0x16ee, 0x16f8, 0 }, { 0x1700, 0x1711, 0 },
    { 0x171f, 0x1731, 0 }, { 0x1740, 0x1751, 0 }, { 0x1760, 0x176c, 0 }, { 0x176e, 0x1770, 0 },
    { 0x1780, 0x17b3, 0 }, { 0x17d7, 0x17d7, 0 }, { 0x17dc, 0x17dc, 0 }, { 0x17e0, 0x17e9, 0 },
    { 0x17f0, 0x17f9, 0 }, { 0x1810, 0x1819, 0 }, { 0x1820, 0x1878, 0 }, { 0x1880, 0x1884, 0 },
    { 0x1887, 0x18a8, 0 }, { 0x18aa, 0x18aa, 0 }, { 0x18b0, 0x18f5, 0 }, { 0x1900, 0x191e, 0 },
    { 0x1946, 0x196d, 0 }, { 0x1970, 0x1974, 0 }, { 0x1980, 0x19ab, 0 }, { 0x19b0, 0x19c9, 0 },
    { 0x19d0, 0x19da, 0 }, { 0x1a00, 0x1a16, 0 }, { 0x1a20, 0x1a54, 0 }, { 0x1a80, 0x1a89, 0 },
    { 0x1a90, 0x1a99, 0 }, { 0x1aa7, 0x1aa7, 0 }, { 0x1b05, 0x1b33, 0 }, { 0x1b45, 0x1b4c, 0 },
    { 0x1b50, 0x1b59, 0 }, { 0x1b83, 0x1ba0, 0 }, { 0x1bae, 0x1be5, 0 }, { 0x1c00, 0x1c23, 0 },
    { 0x1c40, 0x1c49, 0 }, { 0x1c4d, 0x1c7d, 0 }, { 0x1c80, 0x1c88, 0 }, { 0x1c90, 0x1cba, 0 },
    { 0x1cbd, 0x1cbf, 0 }, { 0x1ce9, 0x1cec, 0 }, { 0x1cee, 0x1cf3, 0 }, { 0x1cf5, 0x1cf6, 0 },
    { 0x1cfa, 0x1cfa, 0 }, { 0x1d00, 0x1dbf, 0 }, { 0x1e00, 0x1f15, 0 }, { 0x1f18, 0x1f1d, 0 },
    { 0x1f20, 0x1f45, 0 }, { 0x1f48, 0x1f4d, 0 }, { 0x1f50, 0x1f57, 0 }, { 0x1f59, 0x1f59, 0 },
    { 0x1f5b, 0x1f5b, 0 }, { 0x1f5d, 0x1f5d, 0 }, { 0x1f5f, 0x1f7d, 0 }, { 0x1f80, 0x1fb4, 0 },
    { 0x1fb6, 0x1fbc, 0 }, { 0x1fbe, 0x1fbe, 0 }, { 0x1fc2, 0x1fc4, 0 }, { 0x1fc6, 0x1fcc, 0 },
    { 0x1fd0, 0x1fd3, 0 }, { 0x1fd6, 0x1fdb, 0 }, { 0x1fe0, 0x1fec, 0 }, { 0x1ff2, 0x1ff4, 0 },
    { 0x1ff6, 0x1ffc, 0 }, { 0x2000, 0x200a, 0 }, { 0x2028, 0x2029, 0 }, { 0x202f, 0x202f, 0 },
    { 0x205f, 0x205f, 0 }, { 0x2070, 0x2071, 0 }, { 0x2074, 0x2079, 0 }, { 0x207f, 0x2089, 0 },
    { 0x2090, 0x209c, 0 }, { 0x2102, 0x2102, 0 }, { 0x2107, 0x2107, 0 }, { 0x210a, 0x2113, 0 },
    { 0x2115, 0x2115, 0 }, { 0x2119, 0x211d, 0 }, { 0x2124, 0x2124, 0 }, { 0x2126, 0x2126, 0 },
    { 0x2128, 0x2128, 0 }, { 0x212a, 0x212d, 0 }, { 0x212f, 0x2139, 0 }, { 0x213c, 0x213f, 0 },
    { 0x2145, 0x2149, 0 }, { 0x214e, 0x214e, 0 }, { 0x2150, 0x2189, 0 }, { 0x2460, 0x249b, 0 },
    { 0x24ea, 0x24ff, 0 }, { 0x2776, 0x2793, 0 }, { 0x2c00, 0x2ce4, 0 }, { 0x2ceb, 0x2cee, 0 },
    { 0x2cf2, 0x2cf3, 0 }, { 0x2cfd, 0x2cfd, 0 }, { 0x2d00, 0x2d25, 0 }, { 0x2d27, 0x2d27, 0 },
    { 0x2d2d, 0x2d2d, 0 }, { 0x2d30, 0x2d67, 0 }, { 0x2d6f, 0x2d6f, 0 }, { 0x2d80, 0x2d96, 0 },
    { 0x2da0, 0x2da6, 0 }, { 0x2da8, 0x2dae, 0 }, { 0x2db0, 0x2db6, 0 }, { 0x2db8, 0x2dbe, 0 },
    { 0x2dc0, 0x2dc6, 0 }, { 0x2dc8, 0x2dce, 0 }, { 0x2dd0, 0x2dd6, 0 }, { 0x2dd8, 0x2dde, 0 },
    { 0x2e2f, 0x2e2f, 0 }, { 0x3000, 0x3000, 0 }, { 0x3005, 0x3007, 0 }, { 0x3021, 0x3029, 0 },
    { 0x3031, 0x3035, 0 }, { 0x3038, 0x303c, 0 }, { 0x3041, 0x3096, 0 }, { 0x309d, 0x309f, 0 },
    { 0x30a1, 0x30fa, 0 }, { 0x30fc, 0x30ff, 0 }, { 0x3105, 0x312f, 0 }, { 0x3131, 0x318e, 0 },
    { 0x3192, 0x3195, 0 }, { 0x31a0, 0x31bf, 0 }, { 0x31f0, 0x31ff, 0 }, { 0x3220, 0x3229, 0 },
    { 0x3248, 0x324f, 0 }, { 0x3251, 0x325f, 0 }, { 0x3280, 0x3289, 0 }, { 0x32b1, 0x32bf, 0 },
    { 0x3400, 0x4dbf, 0 }, { 0x4e00, 0xa48c, 0 }, { 0xa4d0, 0xa4fd, 0 }, { 0xa500, 0xa60c, 0 },
    { 0xa610, 0xa62b, 0 }, { 0xa640, 0xa66e, 0 }, { 0xa67f, 0xa69d, 0 }, { 0xa6a0, 0xa6ef, 0 },
    { 0xa717, 0xa71f, 0 }, { 0xa722, 0xa788, 0 }, { 0xa78b, 0xa7ca, 0 }, { 0xa7d0, 0xa7d1, 0 },
    { 0xa7d3, 0xa7d3, 0 }, { 0xa7d5, 0xa7d9, 0 }, { 0xa7f2, 0xa801, 0 }, { 0xa803, 0xa805, 0 },
    { 0xa807, 0xa80a, 0 }, { 0xa80c, 0xa822, 0 }, { 0xa830, 0xa835, 0 }, { 0xa840, 0xa873, 0 },
    { 0xa882, 0xa8b3, 0 }, { 0xa8d0, 0xa8d9, 0 }, { 0xa8f2, 0xa8f7, 0 }, { 0xa8fb, 0xa8fb, 0 },
    { 0xa8fd, 0xa8fe, 0 }, { 0xa900, 0xa925, 0 }, { 0xa930, 0xa946, 0 }, { 0xa960, 0xa97c, 0 },
    { 0xa984, 0xa9b2, 0 }, { 0xa9cf, 0xa9d9, 0 }, { 0xa9e0, 0xa9e4, 0 }, { 0xa9e6, 0xa9fe, 0 },
    { 0xaa00, 0xaa28, 0 }, { 0xaa40, 0xaa42, 0 }, { 0xaa44, 0xaa4b, 0 }, { 0xaa50, 0xaa59, 0 },
    { 0xaa60, 0xaa76, 0 }, { 0xaa7a, 0xaa7a, 0 }, { 0xaa7e, 0xaaaf, 0 }, { 0xaab1, 0xaab1, 0 },
    { 0xaab5, 0xaab6, 0 }, { 0xaab9, 0xaabd, 0 }, { 0xaac0, 0xaac0, 0 }, { 0xaac2, 0xaac2, 0 },
    { 0xaadb, 0xaadd, 0 }, { 0xaae0, 0xaaea, 0 }, { 0xaaf2, 0xaaf4, 0 }, { 0xab01, 0xab06, 0 },
    { 0xab09, 0xab0e, 0 }, { 0xab11, 0xab16, 0 }, { 0xab20, 0xab26, 0 }, { 0xab28, 0xab2e, 0 },
    { 0xab30, 0xab5a, 0 }, { 0xab5c, 0xab69, 0 }, { 0xab70, 0xabe2, 0 }, { 0xabf0, 0xabf9, 0 },
    { 0xac00, 0xd7a3, 0 }, { 0xd7b0, 0xd7c6, 0 }, { 0xd7cb, 0xd7fb, 0 }, { 0xf900, 0xfa6d, 0 },
    { 0xfa70, 0xfad9, 0 }, { 0xfb00, 0xfb06, 0 }, { 0xfb13, 0xfb17, 0 }, { 0xfb1d, 0xfb1d, 0 },
    { 0xfb1f, 0xfb28, 0 }, { 0xfb2a, 0xfb36, 0 }, { 0xfb38, 0xfb3c, 0 }, { 0xfb3e, 0xfb3e, 0 },
    { 0xfb40, 0xfb41, 0 }, { 0xfb43, 0xfb44, 0 }, { 0xfb46, 0xfbb1, 0 }, { 0xfbd3, 0xfd3d, 0 },
    { 0xfd50, 0xfd8f, 0 }, { 0xfd92, 0xfdc7, 0 }, { 0xfdf0, 0xfdfb, 0 }, { 0xfe70, 0xfe74, 0 },
    { 0xfe76, 0xfefc, 0 }, { 0xff10, 0xff19, 0 }, { 0xff21, 0xff3a, 0 }, { 0xff41, 0xff5a, 0 },
    { 0xff66, 0xffbe, 0 }, { 0xffc2, 0xffc7, 0 }, { 0xffca, 0xffcf, 0 }, { 0xffd2, 0xffd7, 0 },
    { 0xffda, 0xffdc, 0 }, { 0x10000, 0x1000b, 0 }, { 0x1000d, 0x10026, 0 }, { 0x10028, 0x1003a, 0 },
    { 0x1003c, 0x1003d, 0 }, { 0x1003f, 0x1004d, 0 }, { 0x10050, 0x1005d, 0 }, { 0x10080, 0x100fa, 0 },
    { 0x10107, 0x10133, 0 }, { 0x10140, 0x10178, 0 }, { 0x1018a, 0x1018b, 0 }, { 0x10280, 0x1029c, 0 },
    { 0x102a0, 0x102d0, 0 }, { 0x102e1, 0x102fb, 0 }, { 0x10300, 0x10323, 0 }, { 0x1032d, 0x1034a, 0 },
    { 0x10350, 0x10375, 0 }, { 0x10380, 0x1039d, 0 }, { 0x103a0, 0x103c3, 0 }, { 0x103c8, 0x103cf, 0 },
    { 0x103d1, 0x103d5, 0 }, { 0x10400, 0x1049d, 0 }, { 0x104a0, 0x104a9, 0 }, { 0x104b0, 0x104d3, 0 },
    { 0x104d8, 0x104fb, 0 }, { 0x10500, 0x10527, 0 }, { 0x10530, 0x10563, 0 }, { 0x10570, 0x1057a, 0 },
    { 0x1057c, 0x1058a, 0 }, { 0x1058c, 0x10592, 0 }, { 0x10594, 0x10595, 0 }, { 0x10597, 0x105a1, 0 },
    { 0x105a3, 0x105b1, 0 }, { 0x105b3, 0x105b9, 0 }, { 0x105bb, 0x105bc, 0 }, { 0x10600, 0x10736, 0 },
    { 0x10740, 0x10755, 0 }, { 0x10760, 0x10767, 0 }, { 0x10780, 0x10785, 0 }, { 0x10787, 0x107b0, 0 },
    { 0x107b2, 0x107ba, 0 }, { 0x10800, 0x10805, 0 }, { 0x10808, 0x10808, 0 }, { 0x1080a, 0x10835, 0 },
    { 0x10837, 0x10838, 0 }, { 0x1083c, 0x1083c, 0 }, { 0x1083f, 0x10855, 0 }, { 0x10858, 0x10876, 0 },
    { 0x10879, 0x1089e, 0 }, { 0x108a7, 0x108af, 0 }, { 0x108e0, 0x108f2, 0 }, { 0x108f4, 0x108f5, 0 },
    { 0x108fb, 0x1091b, 0 }, { 0x10920, 0x10939, 0 }, { 0x10980, 0x109b7, 0 }, { 0x109bc, 0x109cf, 0 },
    { 0x109d2, 0x10a00, 0 }, { 0x10a10, 0x10a13, 0 }, { 0x10a15, 0x10a17, 0 }, { 0x10a19, 0x10a35, 0 },
    { 0x10a40, 0x10a48, 0 }, { 0x10a60, 0x10a7e, 0 }, { 0x10a80, 0x10a9f, 0 }, { 0x10ac0, 0x10ac7, 0 },
    { 0x10ac9, 0x10ae4, 0 }, { 0x10aeb, 0x10aef, 0 }, { 0x10b00, 0x10b35, 0 }, { 0x10b40, 0x10b55, 0 },
    { 0x10b58, 0x10b72, 0 }, { 0x10b78, 0x10b91, 0 }, { 0x10ba9, 0x10baf, 0 }, { 0x10c00, 0x10c48, 0 },
    { 0x10c80, 0x10cb2, 0 }, { 0x10cc0, 0x10cf2, 0 }, { 0x10cfa, 0x10d23, 0 }, { 0x10d30, 0x10d39, 0 },
    { 0x10e60, 0x10e7e, 0 }, { 0x10e80, 0x10ea9, 0 }, { 0x10eb0, 0x10eb1, 0 }, { 0x10f00, 0x10f27, 0 },
    { 0x10f30, 0x10f45, 0 }, { 0x10f51, 0x10f54, 0 }, { 0x10f70, 0x10f81, 0 }, { 0x10fb0, 0x10fcb, 0 },
    { 0x10fe0, 0x10ff6, 0 }, { 0x11003, 0x11037, 0 }, { 0x11052, 0x1106f, 0 }, { 0x11071, 0x11072, 0 },
    { 0x11075, 0x11075, 0 }, { 0x11083, 0x110af, 0 }, { 0x110d0, 0x110e8, 0 }, { 0x110f0, 0x110f9, 0 },
    { 0x11103, 0x11126, 0 }, { 0x11136, 0x1113f, 0 }, { 0x11144, 0x11144, 0 }, { 0x11147, 0x11147, 0 },
    { 0x11150, 0x11172, 0 }, { 0x11176, 0x11176, 0 }, { 0x11183, 0x111b2, 0 }, { 0x111c1, 0x111c4, 0 },
    { 0x111d0, 0x111da, 0 }, { 0x111dc, 0x111dc, 0 }, { 0x111e1, 0x111f4, 0 }, { 0x11200, 0x11211, 0 },
    { 0x11213, 0x1122b, 0 }, { 0x11280, 0x11286, 0 }, { 0x11288, 0x11288, 0 }, { 0x1128a, 0x1128d, 0 },
    { 0x1128f, 0x1129d, 0 }, { 0x1129f, 0x112a8, 0 }, { 0x112b0, 0x112de, 0 }, { 0x112f0, 0x112f9, 0 },
    { 0x11305, 0x1130c, 0 }, { 0x1130f, 0x11310, 0 }, { 0x11313, 0x11328, 0 }, { 0x1132a, 0x11330, 0 },
    { 0x11332, 0x11333, 0 }, { 0x11335, 0x11339, 0 }, { 0x1133d, 0x1133d, 0 }, { 0x11350, 0x11350, 0 },
    { 0x1135d, 0x11361, 0 }, { 0x11400, 0x11434, 0 }, { 0x11447, 0x1144a, 0 }, { 0x11450, 0x11459, 0 },
    { 0x1145f, 0x11461, 0 }, { 0x11480, 0x114af, 0 }, { 0x114c4, 0x114c5, 0 }, { 0x114c7, 0x114c7, 0 },
    { 0x114d0, 0x114d9, 0 }, { 0x11580, 0x115ae, 0 }, { 0x115d8, 0x115db, 0 }, { 0x11600, 0x1162f, 0 },
    { 0x11644, 0x11644, 0 }, { 0x11650, 0x11659, 0 }, { 0x11680, 0x116aa, 0 }, { 0x116b8, 0x116b8, 0 },
    { 0x116c0, 0x116c9, 0 }, { 0x11700, 0x1171a, 0 }, { 0x11730, 0x1173b, 0 }, { 0x11740, 0x11746, 0 },
    { 0x11800, 0x1182b, 0 }, { 0x118a0, 0x118f2, 0 }, { 0x118ff, 0x11906, 0 }, { 0x11909, 0x11909, 0 },
    { 0x1190c, 0x11913, 0 }, { 0x11915, 0x11916, 0 }, { 0x11918, 0x1192f, 0 }, { 0x1193f, 0x1193f, 0 },
    { 0x11941, 0x11941, 0 }, { 0x11950, 0x11959, 0 }, { 0x119a0, 0x119a7, 0 }, { 0x119aa, 0x119d0, 0 },
    { 0x119e1, 0x119e1, 0 }, { 0x119e3, 0x119e3, 0 }, { 0x11a00, 0x11a00, 0 }, { 0x11a0b, 0x11a32, 0 },
    { 0x11a3a, 0x11a3a, 0 }, { 0x11a50, 0x11a50, 0 }, { 0x11a5c, 0x11a89, 0 }, { 0x11a9d, 0x11a9d, 0 },
    { 0x11ab0, 0x11af8, 0 }, { 0x11c00, 0x11c08, 0 }, { 0x11c0a, 0x11c2e, 0 }, { 0x11c40, 0x11c40, 0 },
    { 0x11c50, 0x11c6c, 0 }, { 0x11c72, 0x11c8f, 0 }, { 0x11d00, 0x11d06, 0 }, { 0x11d08, 0x11d09, 0 },
    { 0x11d0b, 0x11d30, 0 }, { 0x11d46, 0x11d46, 0 }, { 0x11d50, 0x11d59, 0 }, { 0x11d60, 0x11d65, 0 },
    { 0x11d67, 0x11d68, 0 }, { 0x11d6a, 0x11d89, 0 }, { 0x11d98, 0x11d98, 0 }, { 0x11da0, 0x11da9, 0 },
    { 0x11ee0, 0x11ef2, 0 }, { 0x11fb0, 0x11fb0, 0 }, { 0x11fc0, 0x11fd4, 0 }, { 0x12000, 0x12399, 0 },
    { 0x12400, 0x1246e, 0 }, { 0x12480, 0x12543, 0 }, { 0x12f90, 0x12ff0, 0 }, { 0x13000, 0x1342e, 0 },
    { 0x14400, 0x14646, 0 }, { 0x16800, 0x16a38, 0 }, { 0x16a40, 0x16a5e, 0 }, { 0x16a60, 0x16a69, 0 },
    { 0x16a70, 0x16abe, 0 }, { 0x16ac0, 0x16ac9, 0 }, { 0x16ad0, 0x16aed, 0 }, { 0x16b00, 0x16b2f, 0 },
    { 0x16b40, 0x16b43, 0 }, { 0x16b50, 0x16b59, 0 }, { 0x16b5b, 0x16b61, 0 }, { 0x16b63, 0x16b77, 0 },
    { 0x16b7d, 0x16b8f, 0 }, { 0x16e40, 0x16e96, 0 }, { 0x16f00, 0x16f4a, 0 }, { 0x16f50, 0x16f50, 0 },
    { 0x16f93, 0x16f9f, 0 }, { 0x16fe0, 0x16fe1, 0 }, { 0x16fe3, 0x16fe3, 0 }, { 0x17000, 0x187f7, 0 },
    { 0x18800, 0x18cd5, 0 }, { 0x18d00, 0x18d08, 0 }, { 0x1aff0, 0x1aff3, 0 }, { 0x1aff5, 0x1affb, 0 },
    { 0x1affd, 0x1affe, 0 }, { 0x1b000, 0x1b122, 0 }, { 0x1b150, 0x1b152, 0 }, { 0x1b164, 0x1b167, 0 },
    { 0x1b170, 0x1b2fb, 0 }, { 0x1bc00, 0x1bc6a, 0 }, { 0x1bc70, 0x1bc7c, 0 }, { 0x1bc80, 0x1bc88, 0 },
    { 0x1bc90, 0x1bc99, 0 }, { 0x1d2e0, 0x1d2f3, 0 }, { 0x1d360, 0x1d378, 0 }, { 0x1d400, 0x1d454, 0 },
    { 0x1d456, 0x1d49c, 0 }, { 0x1d49e, 0x1d49f, 0 }, { 0x1d4a2, 0x1d4a2, 0 }, { 0x1d4a5, 0x1d4a6, 0 },
    { 0x1d4a9, 0x1d4ac, 0 }, { 0x1d4ae, 0x1d4b9, 0 }, { 0x1d4bb, 0x1d4bb, 0 }, { 0x1d4bd, 0x1d4c3, 0 },
    { 0x1d4c5, 0x1d505, 0 }, { 0x1d507, 0x1d50a, 0 }, { 0x1d50d, 0x1d514, 0 }, { 0x1d516, 0x1d51c, 0 },
    { 0x1d51e, 0x1d539, 0 }, { 0x1d53b, 0x1d53e, 0 }, { 0x1d540, 0x1d544, 0 }, { 0x1d546, 0x1d546, 0 },
    { 0x1d54a, 0x1d550, 0 }, { 0x1d552, 0x1d6a5, 0 }, { 0x1d6a8, 0x1d6c0, 0 }, { 0x1d6c2, 0x1d6da, 0 },
    { 0x1d6dc, 0x1d6fa, 0 }, { 0x1d6fc, 0x1d714, 0 }, { 0x1d716, 0x1d734, 0 }, { 0x1d736, 0x1d74e, 0 },
    { 0x1d750, 0x1d76e, 0 }, { 0x1d770, 0x1d788, 0 }, { 0x1d78a, 0x1d7a8, 0 }, { 0x1d7aa, 0x1d7c2, 0 },
    { 0x1d7c4, 0x1d7cb, 0 }, { 0x1d7ce, 0x1d7ff, 0 }, { 0x1df00, 0x1df1e, 0 }, { 0x1e100, 0x1e12c, 0 },
    { 0x1e137, 0x1e13d, 0 }, { 0x1e140, 0x1e149, 0 }, { 0x1e14e, 0x1e14e, 0 }, { 0x1e290, 0x1e2ad, 0 },
    { 0x1e2c0, 0x1e2eb, 0 }, { 0x1e2f0, 0x1e2f9, 0 }, { 0x1e7e0, 0x1e7e6, 0 }, { 0x1e7e8, 0x1e7eb, 0 },
    { 0x1e7ed, 0x1e7ee, 0 }, { 0x1e7f0, 0x1e7fe, 0 }, { 0x1e800, 0x1e8c4, 0 }, { 0x1e8c7, 0x1e8cf, 0 },
    { 0x1e900, 0x1e943, 0 }, { 0x1e94b, 0x1e94b, 0 }, { 0x1e950, 0x1e959, 0 }, { 0x1ec71, 0x1ecab, 0 },
    { 0x1ecad, 0x1ecaf, 0 }, { 0x1ecb1, 0x1ecb4, 0 }, { 0x1ed01, 0x1ed2d, 0 }, { 0x1ed2f, 0x1ed3d, 0 },
    { 0x1ee00, 0x1ee03, 0 }, { 0x1ee05, 0x1ee1f, 0 }, { 0x1ee21, 0x1ee22, 0 }, { 0x1ee24, 0x1ee24, 0 },
    { 0x1ee27, 0x1ee27, 0 }, { 0x1ee29, 0x1ee32, 0 }, { 0x1ee34, 0x1ee37, 0 }, { 0x1ee39, 0x1ee39, 0 },
    { 0x1ee3b, 0x1ee3b, 0 }, { 0x1ee42, 0x1ee42, 0 }, { 0x1ee47, 0x1ee47, 0 }, { 0x1ee49, 0x1ee49, 0 },
    { 0x1ee4b, 0x1ee4b, 0 }, { 0x1ee4d, 0x1ee4f, 0 }, { 0x1ee51, 0x1ee52, 0 }, { 0x1ee54, 0x1ee54, 0 },
    { 0x1ee57, 0x1ee57, 0 }, { 0x1ee59, 0x1ee59, 0 }, { 0x1ee5b, 0x1ee5b, 0 }, { 0x1ee5d, 0x1ee5d, 0 },
    { 0x1ee5f, 0x1ee5f, 0 }, { 0x1ee61, 0x1ee62, 0 }, { 0x1ee64, 0x1ee64, 0 }, { 0x1ee67, 0x1ee6a, 0 },
    { 0x1ee6c, 0x1ee72, 0 }, { 0x1ee74, 0x1ee77, 0 }, { 0x1ee79, 0x1ee7c, 0 }, { 0x1ee7e, 0x1ee7e, 0 },
    { 0x1ee80, 0x1ee89, 0 }, { 0x1ee8b, 0x1ee9b, 0 }, { 0x1eea1, 0x1eea3, 0 }, { 0x1eea5, 0x1eea9, 0 },
    { 0x1eeab, 0x1eebb, 0 }, { 0x1f100, 0x1f10c, 0 }, { 0x1fbf0, 0x1fbf9, 0 }, { 0x20000, 0x2a6df, 0 },
    { 0x2a700, 0x2b738, 0 }, { 0x2b740, 0x2b81d, 0 }, { 0x2b820, 0x2cea1, 0 }, { 0x2ceb0, 0x2ebe0, 0 },
    { 0x2f800, 0x2fa1d, 0 }, { 0x30000, 0x3134a, 0 },
};
static const uint8_t pattern_6_next[] = { 0, 2, 2 };
static const pattern_t pattern_6 = {
    .text = "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+", .ranges = pattern_6_ranges, .n_ranges = 742,
    .next = pattern_6_next, .n_classes = 1, .start = 1, .first_end = 2,
};
static const shape_t shape_tagKeyType = {
    .name = "tagKeyType", .kind = SHAPE_STRING, .min = 1, .max = 128, .pattern = &pattern_6,
};
static const pattern_range pattern_7_ranges[] = {
    { 0x20, 0x20, 0 }, { 0x2b, 0x2b, 0 }, { 0x2d, 0x3a, 0 }, { 0x3d, 0x3d, 0 }, { 0x40, 0x5a, 0 },
    { 0x5f, 0x5f, 0 }, { 0x61, 0x7a, 0 }, { 0xa0, 0xa0, 0 }, { 0xaa, 0xaa, 0 }, { 0xb2, 0xb3, 0 },
    { 0xb5, 0xb5, 0 }, { 0xb9, 0xba, 0 }, { 0xbc, 0xbe, 0 }, { 0xc0, 0xd6, 0 }, { 0xd8, 0xf6, 0 },
    { 0xf8, 0x2c1, 0 }, { 0x2c6, 0x2d1, 0 }, { 0x2e0, 0x2e4, 0 }, { 0x2ec, 0x2ec, 0 }, { 0x2ee, 0x2ee, 0 },
    { 0x370, 0x374, 0 }, { 0x376, 0x377, 0 }, { 0x37a, 0x37d, 0 }, { 0x37f, 0x37f, 0 }, { 0x386, 0x386, 0 },
    { 0x388, 0x38a, 0 }, { 0x38c, 0x38c, 0 }, { 0x38e, 0x3a1, 0 }, { 0x3a3, 0x3f5, 0 }, { 0x3f7, 0x481, 0 },
    { 0x48a, 0x52f, 0 }, { 0x531, 0x556, 0 }, { 0x559, 0x559, 0 }, { 0x560, 0x588, 0 }, { 0x5d0, 0x5ea, 0 },
    { 0x5ef, 0x5f2, 0 }, { 0x620, 0x64a, 0 }, { 0x660, 0x669, 0 }, { 0x66e, 0x66f, 0 }, { 0x671, 0x6d3, 0 },
    { 0x6d5, 0x6d5, 0 }, { 0x6e5, 0x6e6, 0 }, { 0x6ee, 0x6fc, 0 }, { 0x6ff, 0x6ff, 0 }, { 0x710, 0x710, 0 },
    { 0x712, 0x72f, 0 }, { 0x74d, 0x7a5, 0 }, { 0x7b1, 0x7b1, 0 }, { 0x7c0, 0x7ea, 0 }, { 0x7f4, 0x7f5, 0 },
    { 0x7fa, 0x7fa, 0 }, { 0x800, 0x815, 0 }, { 0x81a, 0x81a, 0 }, { 0x824, 0x824, 0 }, { 0x828, 0x828, 0 },
    { 0x840, 0x858, 0 }, { 0x860, 0x86a, 0 }, { 0x870, 0x887, 0 }, { 0x889, 0x88e, 0 }, { 0x8a0, 0x8c9, 0 },
    { 0x904, 0x939, 0 }, { 0x93d, 0x93d, 0 }, { 0x950, 0x950, 0 }, { 0x958, 0x961, 0 }, { 0x966, 0x96f, 0 },
    { 0x971, 0x980, 0 }, { 0x985, 0x98c, 0 }, { 0x98f, 0x990, 0 }, { 0x993, 0x9a8, 0 }, { 0x9aa, 0x9b0, 0 },
    { 0x9b2, 0x9b2, 0 }, { 0x9b6, 0x9b9, 0 }, { 0x9bd, 0x9bd, 0 }, { 0x9ce, 0x9ce, 0 }, { 0x9dc, 0x9dd, 0 },
    { 0x9df, 0x9e1, 0 }, { 0x9e6, 0x9f1, 0 }, { 0x9f4, 0x9f9, 0 }, { 0x9fc, 0x9fc, 0 }, { 0xa05, 0xa0a, 0 },
    { 0xa0f, 0xa10, 0 }, { 0xa13, 0xa28, 0 }, { 0xa2a, 0xa30, 0 }, { 0xa32, 0xa33, 0 }, { 0xa35, 0xa36, 0 },
    { 0xa38, 0xa39, 0 }, { 0xa59, 0xa5c, 0 }, { 0xa5e, 0xa5e, 0 }, { 0xa66, 0xa6f, 0 }, { 0xa72, 0xa74, 0 },
    { 0xa85, 0xa8d, 0 }, { 0xa8f, 0xa91, 0 }, { 0xa93, 0xaa8, 0 }, { 0xaaa, 0xab0, 0 }, { 0xab2, 0xab3, 0 },
    { 0xab5, 0xab9, 0 }, { 0xabd, 0xabd, 0 }, { 0xad0, 0xad0, 0 }, { 0xae0, 0xae1, 0 }, { 0xae6, 0xaef, 0 },
    { 0xaf9, 0xaf9, 0 }, { 0xb05, 0xb0c, 0 }, { 0xb0f, 0xb10, 0 }, { 0xb13, 0xb28, 0 }, { 0xb2a, 0xb30, 0 },
    { 0xb32, 0xb33, 0 }, { 0xb35, 0xb39, 0 }, { 0xb3d, 0xb3d, 0 }, { 0xb5c, 0xb5d, 0 }, { 0xb5f, 0xb61, 0 },
    { 0xb66, 0xb6f, 0 }, { 0xb71, 0xb77, 0 }, { 0xb83, 0xb83, 0 }, { 0xb85, 0xb8a, 0 }, { 0xb8e, 0xb90, 0 },
    { 0xb92, 0xb95, 0 }, { 0xb99, 0xb9a, 0 }, { 0xb9c, 0xb9c, 0 }, { 0xb9e, 0xb9f, 0 }, { 0xba3, 0xba4, 0 },
    { 0xba8, 0xbaa, 0 }, { 0xbae, 0xbb9, 0 }, { 0xbd0, 0xbd0, 0 }, { 0xbe6, 0xbf2, 0 }, { 0xc05, 0xc0c, 0 },
    { 0xc0e, 0xc10, 0 }, { 0xc12, 0xc28, 0 }, { 0xc2a, 0xc39, 0 }, { 0xc3d, 0xc3d, 0 }, { 0xc58, 0xc5a, 0 },
    { 0xc5d, 0xc5d, 0 }, { 0xc60, 0xc61, 0 }, { 0xc66, 0xc6f, 0 }, { 0xc78, 0xc7e, 0 }, { 0xc80, 0xc80, 0 },
    { 0xc85, 0xc8c, 0 }, { 0xc8e, 0xc90, 0 }, { 0xc92, 0xca8, 0 }, { 0xcaa, 0xcb3, 0 }, { 0xcb5, 0xcb9, 0 },
    { 0xcbd, 0xcbd, 0 }, { 0xcdd, 0xcde, 0 }, { 0xce0, 0xce1, 0 }, { 0xce6, 0xcef, 0 }, { 0xcf1, 0xcf2, 0 },
    { 0xd04, 0xd0c, 0 }, { 0xd0e, 0xd10, 0 }, { 0xd12, 0xd3a, 0 }, { 0xd3d, 0xd3d, 0 }, { 0xd4e, 0xd4e, 0 },
    { 0xd54, 0xd56, 0 }, { 0xd58, 0xd61, 0 }, { 0xd66, 0xd78, 0 }, { 0xd7a, 0xd7f, 0 }, { 0xd85, 0xd96, 0 },
    { 0xd9a, 0xdb1, 0 }, { 0xdb3, 0xdbb, 0 }, { 0xdbd, 0xdbd, 0 }, { 0xdc0, 0xdc6, 0 }, { 0xde6, 0xdef, 0 },
    { 0xe01, 0xe30, 0 }, { 0xe32, 0xe33, 0 }, { 0xe40, 0xe46, 0 }, { 0xe50, 0xe59, 0 }, { 0xe81, 0xe82, 0 },
    { 0xe84, 0xe84, 0 }, { 0xe86, 0xe8a, 0 }, { 0xe8c, 0xea3, 0 }, { 0xea5, 0xea5, 0 }, { 0xea7, 0xeb0, 0 },
    { 0xeb2, 0xeb3, 0 }, { 0xebd, 0xebd, 0 }, { 0xec0, 0xec4, 0 }, { 0xec6, 0xec6, 0 }, { 0xed0, 0xed9, 0 },
    { 0xedc, 0xedf, 0 }, { 0xf00, 0xf00, 0 }, { 0xf20, 0xf33, 0 }, { 0xf40, 0xf47, 0 }, { 0xf49, 0xf6c, 0 },
    { 0xf88, 0xf8c, 0 }, { 0x1000, 0x102a, 0 }, { 0x103f, 0x1049, 0 }, { 0x1050, 0x1055, 0 },
    { 0x105a, 0x105d, 0 }, { 0x1061, 0x1061, 0 }, { 0x1065, 0x1066, 0 }, { 0x106e, 0x1070, 0 },
    { 0x1075, 0x1081, 0 }, { 0x108e, 0x108e, 0 }, { 0x1090, 0x1099, 0 }, { 0x10a0, 0x10c5, 0 },
    { 0x10c7, 0x10c7, 0 }, { 0x10cd, 0x10cd, 0 }, { 0x10d0, 0x10fa, 0 }, { 0x10fc, 0x1248, 0 },
    { 0x124a, 0x124d, 0 }, { 0x1250, 0x1256, 0 }, { 0x1258, 0x1258, 0 }, { 0x125a, 0x125d, 0 },
    { 0x1260, 0x1288, 0 }, { 0x128a, 0x128d, 0 }, { 0x1290, 0x12b0, 0 }, { 0x12b2, 0x12b5, 0 },
    { 0x12b8, 0x12be, 0 }, { 0x12c0, 0x12c0, 0 }, { 0x12c2, 0x12c5, 0 }, { 0x12c8, 0x12d6, 0 },
    { 0x12d8, 0x1310, 0 }, { 0x1312, 0x1315, 0 }, { 0x1318, 0x135a, 0 }, { 0x1369, 0x137c, 0 },
    { 0x1380, 0x138f, 0 }, { 0x13a0, 0x13f5, 0 }, { 0x13f8, 0x13fd, 0 }, { 0x1401, 0x166c, 0 },
    { 0x166f, 0x169a, 0 }, { 0x16a0, 0x16ea, 0 }, { 0x16ee, 0x16f8, 0 }, { 0x1700, 0x1711, 0 },
    { 0x171f, 0x1731, 0 }, { 0x1740, 0x1751, 0 }, { 0x1760, 0x176c, 0 }, { 0x176e, 0x1770, 0 },
    { 0x1780, 0x17b3, 0 }, { 0x17d7, 0x17d7, 0 }, { 0x17dc, 0x17dc, 0 }, { 0x17e0, 0x17e9, 0 },
    { 0x17f0, 0x17f9, 0 }, { 0x1810, 0x1819, 0 }, { 0x1820, 0x1878, 0 }, { 0x1880, 0x1884, 0 },
    { 0x1887, 0x18a8, 0 }, { 0x18aa, 0x18aa, 0 }, { 0x18b0, 0x18f5, 0 }, { 0x1900, 0x191e, 0 },
    { 0x1946, 0x196d, 0 }, { 0x1970, 0x1974, 0 }, { 0x1980, 0x19ab, 0 }, { 0x19b0, 0x19c9, 0 },
    { 0x19d0, 0x19da, 0 }, { 0x1a00, 0x1a16, 0 }, { 0x1a20, 0x1a54, 0 }, { 0x1a80, 0x1a89, 0 },
    { 0x1a90, 0x1a99, 0 }, { 0x1aa7, 0x1aa7, 0 }, { 0x1b05, 0x1b33, 0 }, { 0x1b45, 0x1b4c, 0 },
    { 0x1b50, 0x1b59, 0 }, { 0x1b83, 0x1ba0, 0 }, { 0x1bae, 0x1be5, 0 }, { 0x1c00, 0x1c23, 0 },
    { 0x1c40, 0x1c49, 0 }, { 0x1c4d, 0x1c7d, 0 }, { 0x1c80, 0x1c88, 0 }, { 0x1c90, 0x1cba, 0 },
    { 0x1cbd, 0x1cbf, 0 }, { 0x1ce9, 0x1cec, 0 }, { 0x1cee, 0x1cf3, 0 }, { 0x1cf5, 0x1cf6, 0 },
    { 0x1cfa, 0x1cfa, 0 }, { 0x1d00, 0x1dbf, 0 }, { 0x1e00, 0x1f15, 0 }, { 0x1f18, 0x1f1d, 0 },
    { 0x1f20, 0x1f45, 0 }, { 0x1f48, 0x1f4d, 0 }, { 0x1f50, 0x1f57, 0 }, { 0x1f59, 0x1f59, 0 },
    { 0x1f5b, 0x1f5b, 0 }, { 0x1f5d, 0x1f5d, 0 }, { 0x1f5f, 0x1f7d, 0 }, { 0x1f80, 0x1fb4, 0 },
    { 0x1fb6, 0x1fbc, 0 }, { 0x1fbe, 0x1fbe, 0 }, { 0x1fc2, 0x1fc4, 0 }, { 0x1fc6, 0x1fcc, 0 },
    { 0x1fd0, 0x1fd3, 0 }, { 0x1fd6, 0x1fdb, 0 }, { 0x1fe0, 0x1fec, 0 }, { 0x1ff2, 0x1ff4, 0 },
    { 0x1ff6, 0x1ffc, 0 }, { 0x2000, 0x200a, 0 }, { 0x2028, 0x2029, 0 }, { 0x202f, 0x202f, 0 },
    { 0x205f, 0x205f, 0 }, { 0x2070, 0x2071, 0 }, { 0x2074, 0x2079, 0 }, { 0x207f, 0x2089, 0 },
    { 0x2090, 0x209c, 0 }, { 0x2102, 0x2102, 0 }, { 0x2107, 0x2107, 0 }, { 0x210a, 0x2113, 0 },
    { 0x2115, 0x2115, 0 }, { 0x2119, 0x211d, 0 }, { 0x2124, 0x2124, 0 }, { 0x2126, 0x2126, 0 },
    { 0x2128, 0x2128, 0 }, { 0x212a, 0x212d, 0 }, { 0x212f, 0x2139, 0 }, { 0x213c, 0x213f, 0 },
    { 0x2145, 0x2149, 0 }, { 0x214e, 0x214e, 0 }, { 0x2150, 0x2189, 0 }, { 0x2460, 0x249b, 0 },
    { 0x24ea, 0x24ff, 0 }, { 0x2776, 0x2793, 0 }, { 0x2c00, 0x2ce4, 0 }, { 0x2ceb, 0x2cee, 0 },
    { 0x2cf2, 0x2cf3, 0 }, { 0x2cfd, 0x2cfd, 0 }, { 0x2d00, 0x2d25, 0 }, { 0x2d27, 0x2d27, 0 },
    { 0x2d2d, 0x2d2d, 0 }, { 0x2d30, 0x2d67, 0 }, { 0x2d6f, 0x2d6f, 0 }, { 0x2d80, 0x2d96, 0 },
    { 0x2da0, 0x2da6, 0 }, { 0x2da8, 0x2dae, 0 }, { 0x2db0, 0x2db6, 0 }, { 0x2db8, 0x2dbe, 0 },
    { 0x2dc0, 0x2dc6, 0 }, { 0x2dc8, 0x2dce, 0 }, { 0x2dd0, 0x2dd6, 0 }, { 0x2dd8, 0x2dde, 0 },
    { 0x2e2f, 0x2e2f, 0 }, { 0x3000, 0x3000, 0 }, { 0x3005, 0x3007, 0 }, { 0x3021, 0x3029, 0 },
    { 0x3031, 0x3035, 0 }, { 0x3038, 0x303c, 0 }, { 0x3041, 0x3096, 0 }, { 0x309d, 0x309f, 0 },
    { 0x30a1, 0x30fa, 0 }, { 0x30fc, 0x30ff, 0 }, { 0x3105, 0x312f, 0 }, { 0x3131, 0x318e, 0 },
    { 0x3192, 0x3195, 0 }, { 0x31a0, 0x31bf, 0 }, { 0x31f0, 0x31ff, 0 }, { 0x3220, 0x3229, 0 },
    { 0x3248, 0x324f, 0 }, { 0x3251, 0x325f, 0 }, { 0x3280, 0x3289, 0 }, { 0x32b1, 0x32bf, 0 },
    { 0x3400, 0x4dbf, 0 }, { 0x4e00, 0xa48c, 0 }, { 0xa4d0, 0xa4fd, 0 }, { 0xa500, 0xa60c, 0 },
    { 0xa610, 0xa62b, 0 }, { 0xa640, 0xa66e, 0 }, { 0xa67f, 0xa69d, 0 }, { 0xa6a0, 0xa6ef, 0 },
    { 0xa717, 0xa71f, 0 }, { 0xa722, 0xa788, 0 }, { 0xa78b, 0xa7ca, 0 }, { 0xa7d0, 0xa7d1, 0 },
    { 0xa7d3, 0xa7d3, 0 }, { 0xa7d5, 0xa7d9, 0 }, { 0xa7f2, 0xa801, 0 }, { 0xa803, 0xa805, 0 },
    { 0xa807, 0xa80a, 0 }, { 0xa80c, 0xa822, 0 }, { 0xa830, 0xa835, 0 }, { 0xa840, 0xa873, 0 },
    { 0xa882, 0xa8b3, 0 }, { 0xa8d0, 0xa8d9, 0 }, { 0xa8f2, 0xa8f7, 0 }, { 0xa8fb, 0xa8fb, 0 },
    { 0xa8fd, 0xa8fe, 0 }, { 0xa900, 0xa925, 0 }, { 0xa930, 0xa946, 0 }, { 0xa960, 0xa97c, 0 },
    { 0xa984, 0xa9b2, 0 }, { 0xa9cf, 0xa9d9, 0 }, { 0xa9e0, 0xa9e4, 0 }, { 0xa9e6, 0xa9fe, 0 },
    { 0xaa00, 0xaa28, 0 }, { 0xaa40, 0xaa42, 0 }, { 0xaa44, 0xaa4b, 0 }, { 0xaa50, 0xaa59, 0 },
    { 0xaa60, 0xaa76, 0 }, { 0xaa7a, 0xaa7a, 0 }, { 0xaa7e, 0xaaaf, 0 }, { 0xaab1, 0xaab1, 0 },
    { 0xaab5, 0xaab6, 0 }, { 0xaab9, 0xaabd, 0 }, { 0xaac0, 0xaac0, 0 }, { 0xaac2, 0xaac2, 0 },
    { 0xaadb, 0xaadd, 0 }, { 0xaae0, 0xaaea, 0 }, { 0xaaf2, 0xaaf4, 0 }, { 0xab01, 0xab06, 0 },
    { 0xab09, 0xab0e, 0 }, { 0xab11, 0xab16, 0 }, { 0xab20, 0xab26, 0 }, { 0xab28, 0xab2e, 0 },
    { 0xab30, 0xab5a, 0 }, { 0xab5c, 0xab69, 0 }, { 0xab70, 0xabe2, 0 }, { 0xabf0, 0xabf9, 0 },
    { 0xac00, 0xd7a3, 0 }, { 0xd7b0, 0xd7c6, 0 }, { 0xd7cb, 0xd7fb, 0 }, { 0xf900, 0xfa6d, 0 },
    { 0xfa70, 0xfad9, 0 }, { 0xfb00, 0xfb06, 0 }, { 0xfb13, 0xfb17, 0 }, { 0xfb1d, 0xfb1d, 0 },
    { 0xfb1f, 0xfb28, 0 }, { 0xfb2a, 0xfb36, 0 }, { 0xfb38, 0xfb3c, 0 }, { 0xfb3e, 0xfb3e, 0 },
    { 0xfb40, 0xfb41, 0 }, { 0xfb43, 0xfb44, 0 }, { 0xfb46, 0xfbb1, 0 }, { 0xfbd3, 0xfd3d, 0 },
    { 0xfd50, 0xfd8f, 0 }, { 0xfd92, 0xfdc7, 0 }, { 0xfdf0, 0xfdfb, 0 }, { 0xfe70, 0xfe74, 0 },
    { 0xfe76, 0xfefc, 0 }, { 0xff10, 0xff19, 0 }, { 0xff21, 0xff3a, 0 }, { 0xff41, 0xff5a, 0 },
    { 0xff66, 0xffbe, 0 }, { 0xffc2, 0xffc7, 0 }, { 0xffca, 0xffcf, 0 }, { 0xffd2, 0xffd7, 0 },
    { 0xffda, 0xffdc, 0 }, { 0x10000, 0x1000b, 0 }, { 0x1000d, 0x10026, 0 }, { 0x10028, 0x1003a, 0 },
    { 0x1003c, 0x1003d, 0 }, { 0x1003f, 0x1004d, 0 }, { 0x10050, 0x1005d, 0 }, { 0x10080, 0x100fa, 0 },
    { 0x10107, 0x10133, 0 }, { 0x10140, 0x10178, 0 }, { 0x1018a, 0x1018b, 0 }, { 0x10280, 0x1029c, 0 },
    { 0x102a0, 0x102d0, 0 }, { 0x102e1, 0x102fb, 0 }, { 0x10300, 0x10323, 0 }, { 0x1032d, 0x1034a, 0 },
    { 0x10350, 0x10375, 0 }, { 0x10380, 0x1039d, 0 }, { 0x103a0, 0x103c3, 0 }, { 0x103c8, 0x103cf, 0 },
    { 0x103d1, 0x103d5, 0 }, { 0x10400, 0x1049d, 0 }, { 0x104a0, 0x104a9, 0 }, { 0x104b0, 0x104d3, 0 },
    { 0x104d8, 0x104fb, 0 }, { 0x10500, 0x10527, 0 }, { 0x10530, 0x10563, 0 }, { 0x10570, 0x1057a, 0 },
    { 0x1057c, 0x1058a, 0 }, { 0x1058c, 0x10592, 0 }, { 0x10594, 0x10595, 0 }, { 0x10597, 0x105a1, 0 },
    { 0x105a3, 0x105b1, 0 }, { 0x105b3, 0x105b9, 0 }, { 0x105bb, 0x105bc, 0 }, { 0x10600, 0x10736, 0 },
    { 0x10740, 0x10755, 0 }, { 0x10760, 0x10767, 0 }, { 0x10780, 0x10785, 0 }, { 0x10787, 0x107b0, 0 },
    { 0x107b2, 0x107ba, 0 }, { 0x10800, 0x10805, 0 }, { 0x10808, 0x10808, 0 }, { 0x1080a, 0x10835, 0 },
    { 0x10837, 0x10838, 0 }, { 0x1083c, 0x1083c, 0 }, { 0x1083f, 0x10855, 0 }, { 0x10858, 0x10876, 0 },
    { 0x10879, 0x1089e, 0 }, { 0x108a7, 0x108af, 0 }, { 0x108e0, 0x108f2, 0 }, { 0x108f4, 0x108f5, 0 },
    { 0x108fb, 0x1091b, 0 }, { 0x10920, 0x10939, 0 }, { 0x10980, 0x109b7, 0 }, { 0x109bc, 0x109cf, 0 },
    { 0x109d2, 0x10a00, 0 }, { 0x10a10, 0x10a13, 0 }, { 0x10a15, 0x10a17, 0 }, { 0x10a19, 0x10a35, 0 },
    { 0x10a40, 0x10a48, 0 }, { 0x10a60, 0x10a7e, 0 }, { 0x10a80, 0x10a9f, 0 }, { 0x10ac0, 0x10ac7, 0 },
    { 0x10ac9, 0x10ae4, 0 }, { 0x10aeb, 0x10aef, 0 }, { 0x10b00, 0x10b35, 0 }, { 0x10b40, 0x10b55, 0 },
    { 0x10b58, 0x10b72, 0 }, { 0x10b78, 0x10b91, 0 }, { 0x10ba9, 0x10baf, 0 }, { 0x10c00, 0x10c48, 0 },
    { 0x10c80, 0x10cb2, 0 }, { 0x10cc0, 0x10cf2, 0 }, { 0x10cfa, 0x10d23, 0 }, { 0x10d30, 0x10d39, 0 },
    { 0x10e60, 0x10e7e, 0 }, { 0x10e80, 0x10ea9, 0 }, { 0x10eb0, 0x10eb1, 0 }, { 0x10f00, 0x10f27, 0 },
    { 0x10f30, 0x10f45, 0 }, { 0x10f51, 0x10f54, 0 }, { 0x10f70, 0x10f81, 0 }, { 0x10fb0, 0x10fcb, 0 },
    { 0x10fe0, 0x10ff6, 0 }, { 0x11003, 0x11037, 0 }, { 0x11052, 0x1106f, 0 }, { 0x11071, 0x11072, 0 },
    { 0x11075, 0x11075, 0 }, { 0x11083, 0x110af, 0 }, { 0x110d0, 0x110e8, 0 }, { 0x110f0, 0x110f9, 0 },
    { 0x11103, 0x11126, 0 }, { 0x11136, 0x1113f, 0 }, { 0x11144, 0x11144, 0 }, { 0x11147, 0x11147, 0 },
    { 0x11150, 0x11172, 0 }, { 0x11176, 0x11176, 0 }, { 0x11183, 0x111b2, 0 }, { 0x111c1, 0x111c4, 0 },
    { 0x111d0, 0x111da, 0 }, { 0x111dc, 0x111dc, 0 }, { 0x111e1, 0x111f4, 0 }, { 0x11200, 0x11211, 0 },
    { 0x11213, 0x1122b, 0 }, { 0x11280, 0x11286, 0 }, { 0x11288, 0x11288, 0 }, { 0x1128a, 0x1128d, 0 },
    { 0x1128f, 0x1129d, 0 }, { 0x1129f, 0x112a8, 0 }, { 0x112b0, 0x112de, 0 }, { 0x112f0, 0x112f9, 0 },
    { 0x11305, 0x1130c, 0 }, { 0x1130f, 0x11310, 0 }, { 0x11313, 0x11328, 0 }, { 0x1132a, 0x11330, 0 },
    { 0x11332, 0x11333, 0 }, { 0x11335, 0x11339, 0 }, { 0x1133d, 0x1133d, 0 }, { 0x11350, 0x11350, 0 },
    { 0x1135d, 0x11361, 0 }, { 0x11400, 0x11434, 0 }, { 0x11447, 0x1144a, 0 }, { 0x11450, 0x11459, 0 },
    { 0x1145f, 0x11461, 0 }, { 0x11480, 0x114af, 0 }, { 0x114c4, 0x114c5, 0 }, { 0x114c7, 0x114c7, 0 },
    { 0x114d0, 0x114d9, 0 }, { 0x11580, 0x115ae, 0 }, { 0x115d8, 0x115db, 0 }, { 0x11600, 0x1162f, 0 },
    { 0x11644, 0x11644, 0 }, { 0x11650, 0x11659, 0 }, { 0x11680, 0x116aa, 0 }, { 0x116b8, 0x116b8, 0 },
    { 0x116c0, 0x116c9, 0 }, { 0x11700, 0x1171a, 0 }, { 0x11730, 0x1173b, 0 }, { 0x11740, 0x11746, 0 },
    { 0x11800, 0x1182b, 0 }, { 0x118a0, 0x118f2, 0 }, { 0x118ff, 0x11906, 0 }, { 0x11909, 0x11909, 0 },
    { 0x1190c, 0x11913, 0 }, { 0x11915, 0x11916, 0 }, { 0x11918, 0x1192f, 0 }, { 0x1193f, 0x1193f, 0 },
    { 0x11941, 0x11941, 0 }, { 0x11950, 0x11959, 0 }, { 0x119a0, 0x119a7, 0 }, { 0x119aa, 0x119d0, 0 },
    { 0x119e1, 0x119e1, 0 }, { 0x119e3, 0x119e3, 0 }, { 0x11a00, 0x11a00, 0 }, { 0x11a0b, 0x11a32, 0 },
    { 0x11a3a, 0x11a3a, 0 }, { 0x11a50, 0x11a50, 0 }, { 0x11a5c, 0x11a89, 0 }, { 0x11a9d, 0x11a9d, 0 },
    { 0x11ab0, 0x11af8, 0 }, { 0x11c00, 0x11c08, 0 }, { 0x11c0a, 0x11c2e, 0 }, { 0x11c40, 0x11c40, 0 },
    { 0x11c50, 0x11c6c, 0 }, { 0x11c72, 0x11c8f, 0 }, { 0x11d00, 0x11d06, 0 }, { 0x11d08, 0x11d09, 0 },
    { 0x11d0b, 0x11d30, 0 }, { 0x11d46, 0x11d46, 0 }, { 0x11d50, 0x11d59, 0 }, { 0x11d60, 0x11d65, 0 },
    { 0x11d67, 0x11d68, 0 }, { 0x11d6a, 0x11d89, 0 }, { 0x11d98, 0x11d98, 0 }, { 0x11da0, 0x11da9, 0 },
    { 0x11ee0, 0x11ef2, 0 }, { 0x11fb0, 0x11fb0, 0 }, { 0x11fc0, 0x11fd4, 0 }, { 0x12000, 0x12399, 0 },
    { 0x12400, 0x1246e, 0 }, { 0x12480, 0x12543, 0 }, { 0x12f90, 0x12ff0, 0 }, { 0x13000, 0x1342e, 0 },
    { 0x14400, 0x14646, 0 }, { 0x16800, 0x16a38, 0 }, { 0x16a40, 0x16a5e, 0 }, { 0x16a60, 0x16a69, 0 },
    { 0x16a70, 0x16abe, 0 }, { 0x16ac0, 0x16ac9, 0 }, { 0x16ad0, 0x16aed, 0 }, { 0x16b00, 0x16b2f, 0 },
    { 0x16b40, 0x16b43, 0 }, { 0x16b50, 0x16b59, 0 }, { 0x16b5b, 0x16b61, 0 }, { 0x16b63, 0x16b77, 0 },
    { 0x16b7d, 0x16b8f, 0 }, { 0x16e40, 0x16e96, 0 }, { 0x16f00, 0x16f4a, 0 }, { 0x16f50, 0x16f50, 0 },
    { 0x16f93, 0x16f9f, 0 }, { 0x16fe0, 0x16fe1, 0 }, { 0x16fe3, 0x16fe3, 0 }, { 0x17000, 0x187f7, 0 },
    { 0x18800, 0x18cd5, 0 }, { 0x18d00, 0x18d08, 0 }, { 0x1aff0, 0x1aff3, 0 }, { 0x1aff5, 0x1affb, 0 },
    { 0x1affd, 0x1affe, 0 }, { 0x1b000, 0x1b122, 0 }, { 0x1b150, 0x1b152, 0 }, { 0x1b164, 0x1b167, 0 },
    { 0x1b170, 0x1b2fb, 0 }, { 0x1bc00, 0x1bc6a, 0 }, { 0x1bc70, 0x1bc7c, 0 }, { 0x1bc80, 0x1bc88, 0 },
    { 0x1bc90, 0x1bc99, 0 }, { 0x1d2e0, 0x1d2f3, 0 }, { 0x1d360, 0x1d378, 0 }, { 0x1d400, 0x1d454, 0 },
    { 0x1d456, 0x1d49c, 0 }, { 0x1d49e, 0x1d49f, 0 }, { 0x1d4a2, 0x1d4a2, 0 }, { 0x1d4a5, 0x1d4a6, 0 },
    { 0x1d4a9, 0x1d4ac, 0 }, { 0x1d4ae, 0x1d4b9, 0 }, { 0x1d4bb, 0x1d4bb, 0 }, { 0x1d4bd, 0x1d4c3, 0 },
    { 0x1d4c5, 0x1d505, 0 }, { 0x1d507, 0x1d50a, 0 }, { 0x1d50d, 0x1d514, 0 }, { 0x1d516, 0x1d51c, 0 },
    { 0x1d51e, 0x1d539, 0 }, { 0x1d53b, 0x1d53e, 0 }, { 0x1d540, 0x1d544, 0 }, { 0x1d546, 0x1d546, 0 },
    { 0x1d54a, 0x1d550, 0 }, { 0x1d552, 0x1d6a5, 0 }, { 0x1d6a8, 0x1d6c0, 0 }, { 0x1d6c2, 0x1d6da, 0 },
    { 0x1d6dc, 0x1d6fa, 0 }, { 0x1d6fc, 0x1d714, 0 }, { 0x1d716, 0x1d734, 0 }, { 0x1d736, 0x1d74e, 0 },
    { 0x1d750, 0x1d76e, 0 }, { 0x1d770, 0x1d788, 0 }, { 0x1d78a, 0x1d7a8, 0 }, { 0x1d7aa, 0x1d7c2, 0 },
    { 0x1d7c4, 0x1d7cb, 0 }, { 0x1d7ce, 0x1d7ff, 0 }, { 0x1df00, 0x1df1e, 0 }, { 0x1e100, 0x1e12c, 0 },
    { 0x1e137, 0x1e13d, 0 }, { 0x1e140, 0x1e149, 0 }, { 0x1e14e, 0x1e14e, 0 }, { 0x1e290, 0x1e2ad, 0 },
    { 0x1e2c0, 0x1e2eb, 0 }, { 0x1e2f0, 0x1e2f9, 0 }, { 0x1e7e0, 0x1e7e6, 0 }, { 0x1e7e8, 0x1e7eb, 0 },
    { 0x1e7ed, 0x1e7ee, 0 }, { 0x1e7f0, 0x1e7fe, 0 }, { 0x1e800, 0x1e8c4, 0 }, { 0x1e8c7, 0x1e8cf, 0 },
    { 0x1e900, 0x1e943, 0 }, { 0x1e94b, 0x1e94b, 0 }, { 0x1e950, 0x1e959, 0 }, { 0x1ec71, 0x1ecab, 0 },
    { 0x1ecad, 0x1ecaf, 0 }, { 0x1ecb1, 0x1ecb4, 0 }, { 0x1ed01, 0x1ed2d, 0 }, { 0x1ed2f, 0x1ed3d, 0 },
    { 0x1ee00, 0x1ee03, 0 }, { 0x1ee05, 0x1ee1f, 0 }, { 0x1ee21, 0x1ee22, 0 }, { 0x1ee24, 0x1ee24, 0 },
    { 0x1ee27, 0x1ee27, 0 }, { 0x1ee29, 0x1ee32, 0 }, { 0x1ee34, 0x1ee37, 0 }, { 0x1ee39, 0x1ee39, 0 },
    { 0x1ee3b, 0x1ee3b, 0 }, { 0x1ee42, 0x1ee42, 0 }, { 0x1ee47, 0x1ee47, 0 }, { 0x1ee49, 0x1ee49, 0 },
    { 0x1ee4b, 0x1ee4b, 0 }, { 0x1ee4d, 0x1ee4f, 0 }, { 0x1ee51, 0x1ee52, 0 }, { 0x1ee54, 0x1ee54, 0 },
    { 0x1ee57, 0x1ee57, 0 }, { 0x1ee59, 0x1ee59, 0 }, { 0x1ee5b, 0x1ee5b, 0 }, { 0x1ee5d, 0x1ee5d, 0 },
    { 0x1ee5f, 0x1ee5f, 0 }, { 0x1ee61, 0x1ee62, 0 }, { 0x1ee64, 0x1ee64, 0 }, { 0x1ee67, 0x1ee6a, 0 },
    { 0x1ee6c, 0x1ee72, 0 }, { 0x1ee74, 0x1ee77, 0 }, { 0x1ee79, 0x1ee7c, 0 }, { 0x1ee7e, 0x1ee7e, 0 },
    { 0x1ee80, 0x1ee89, 0 }, { 0x1ee8b, 0x1ee9b, 0 }, { 0x1eea1, 0x1eea3, 0 }, { 0x1eea5, 0x1eea9, 0 },
    { 0x1eeab, 0x1eebb, 0 }, { 0x1f100, 0x1f10c, 0 }, { 0x1fbf0, 0x1fbf9, 0 }, { 0x20000, 0x2a6df, 0 },
    { 0x2a700, 0x2b738, 0 }, { 0x2b740, 0x2b81d, 0 }, { 0x2b820, 0x2cea1, 0 }, { 0x2ceb0, 0x2ebe0, 0 },
    { 0x2f800, 0x2fa1d, 0 }, { 0x30000, 0x3134a, 0 },
};
static const uint8_t pattern_7_next[] = { 0, 1 };
static const pattern_t pattern_7 = {
    .text = "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*", .ranges = pattern_7_ranges, .n_ranges = 742,
    .next = pattern_7_next, .n_classes = 1, .start = 1, .first_end = 1,
};
static const shape_t shape_tagValueType = {
    .name = "tagValueType", .kind = SHAPE_STRING, .min = 0, .max = 256, .pattern = &pattern_7,
};
static const shape_member members_Tag[] = {
    { "Key", &shape_tagKeyType, true },
    { "Value", &shape_tagValueType, true },
    { NULL, NULL, false },
};
static const shape_t shape_Tag = {
    .name = "Tag", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1, .members = members_Tag,
};
static const shape_t shape_tagListType = {
    .name = "tagListType", .kind = SHAPE_LIST, .min = -1, .max = 50, .element = &shape_Tag,
};
static const pattern_range pattern_8_ranges[] = { { 0x30, 0x39, 0 } };
static const uint8_t pattern_8_next[] = { 0, 1 };
static const pattern_t pattern_8 = {
    .text = "[\\d]*", .ranges = pattern_8_ranges, .n_ranges = 1, .next = pattern_8_next, .n_classes = 1,
    .start = 1, .first_end = 1,
};
static const shape_t shape_tokenCodeType = {
    .name = "tokenCodeType", .kind = SHAPE_STRING, .min = 6, .max = 6, .pattern = &pattern_8,
};
static const shape_t shape_tagKeyListType = {
    .name = "tagKeyListType", .kind = SHAPE_LIST, .min = -1, .max = 50, .element = &shape_tagKeyType,
};
static const shape_member members_AssumeRoleRequest[] = {
    { "DurationSeconds", &shape_roleDurationSecondsType, false },
    { "ExternalId", &shape_externalIdType, false },
    { "Policy", &shape_unrestrictedSessionPolicyDocumentType, false },
    { "PolicyArns", &shape_policyDescriptorListType, false },
    { "ProvidedContexts", &shape_ProvidedContextsListType, false },
    { "RoleArn", &shape_arnType, true },
    { "RoleSessionName", &shape_roleSessionNameType, true },
    { "SerialNumber", &shape_serialNumberType, false },
    { "SourceIdentity", &shape_sourceIdentityType, false },
    { "Tags", &shape_tagListType, false },
    { "TokenCode", &shape_tokenCodeType, false },
    { "TransitiveTagKeys", &shape_tagKeyListType, false },
    { NULL, NULL, false },
};
static const shape_t shape_AssumeRoleRequest = {
    .name = "AssumeRoleRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_AssumeRoleRequest,
};
static const pattern_range pattern_9_ranges[] = {
    { 0x2b, 0x2e, 0 }, { 0x30, 0x3a, 0 }, { 0x3d, 0x3d, 0 }, { 0x40, 0x5a, 0 }, { 0x5f, 0x5f, 0 },
    { 0x61, 0x7a, 0 },
};
static const uint8_t pattern_9_next[] = { 0, 1 };
static const pattern_t pattern_9 = {
    .text = "[\\w+=,.@:-]*", .ranges = pattern_9_ranges, .n_ranges = 6, .next = pattern_9_next,
    .n_classes = 1, .start = 1, .first_end = 1,
};
static const shape_t shape_assumedRoleIdType = {
    .name = "assumedRoleIdType", .kind = SHAPE_STRING, .min = 2, .max = 193, .pattern = &pattern_9,
};
static const shape_member members_AssumedRoleUser[] = {
    { "Arn", &shape_arnType, true },
    { "AssumedRoleId", &shape_assumedRoleIdType, true },
    { NULL, NULL, false },
};
static const shape_t shape_AssumedRoleUser = {
    .name = "AssumedRoleUser", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_AssumedRoleUser,
};
static const pattern_range pattern_10_ranges[] = {
    { 0x30, 0x39, 0 }, { 0x41, 0x5a, 0 }, { 0x5f, 0x5f, 0 }, { 0x61, 0x7a, 0 },
};
static const uint8_t pattern_10_next[] = { 0, 1 };
static const pattern_t pattern_10 = {
    .text = "[\\w]*", .ranges = pattern_10_ranges, .n_ranges = 4, .next = pattern_10_next, .n_classes = 1,
    .start = 1, .first_end = 1,
};
static const shape_t shape_accessKeyIdType = {
    .name = "accessKeyIdType", .kind = SHAPE_STRING, .min = 16, .max = 128, .pattern = &pattern_10,
};
static const shape_t shape_dateType = { .name = "dateType", .kind = SHAPE_TIMESTAMP, .min = -1, .max = -1 };
static const shape_t shape_accessKeySecretType = {
    .name = "accessKeySecretType", .kind = SHAPE_STRING, .min = -1, .max = -1, .sensitive = true,
};
static const shape_t shape_tokenType = {
    .name = "tokenType", .kind = SHAPE_STRING, .min = -1, .max = -1, .sensitive = true,
};
static const shape_member members_Credentials[] = {
    { "AccessKeyId", &shape_accessKeyIdType, true },
    { "Expiration", &shape_dateType, true },
    { "SecretAccessKey", &shape_accessKeySecretType, true },
    { "SessionToken", &shape_tokenType, true },
    { NULL, NULL, false },
};
static const shape_t shape_Credentials = {
    .name = "Credentials", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1, .members = members_Credentials,
};
static const shape_t shape_nonNegativeIntegerType = {
    .name = "nonNegativeIntegerType", .kind = SHAPE_INTEGER, .min = 0, .max = -1,
};
static const shape_member members_AssumeRoleResponse[] = {
    { "AssumedRoleUser", &shape_AssumedRoleUser, false },
    { "Credentials", &shape_Credentials, false },
    { "PackedPolicySize", &shape_nonNegativeIntegerType, false },
    { "SourceIdentity", &shape_sourceIdentityType, false },
    { NULL, NULL, false },
};
static const shape_t shape_AssumeRoleResponse = {
    .name = "AssumeRoleResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_AssumeRoleResponse,
};
static const char *const errors_1[] = {
    "MalformedPolicyDocument", "PackedPolicyTooLarge", "RegionDisabledException", "ExpiredTokenException",
    NULL,
};
static const shape_t shape_sessionPolicyDocumentType = {
    .name = "sessionPolicyDocumentType", .kind = SHAPE_STRING, .min = 1, .max = 2048, .pattern = &pattern_2,
};
static const shape_t shape_SAMLAssertionType = {
    .name = "SAMLAssertionType", .kind = SHAPE_STRING, .min = 4, .max = 100000, .sensitive = true,
};
static const shape_member members_AssumeRoleWithSAMLRequest[] = {
    { "DurationSeconds", &shape_roleDurationSecondsType, false },
    { "Policy", &shape_sessionPolicyDocumentType, false },
    { "PolicyArns", &shape_policyDescriptorListType, false },
    { "PrincipalArn", &shape_arnType, true },
    { "RoleArn", &shape_arnType, true },
    { "SAMLAssertion", &shape_SAMLAssertionType, true },
    { NULL, NULL, false },
};
static const shape_t shape_AssumeRoleWithSAMLRequest = {
    .name = "AssumeRoleWithSAMLRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_AssumeRoleWithSAMLRequest,
};
static const shape_t shape_Audience = { .name = "Audience", .kind = SHAPE_STRING, .min = -1, .max = -1 };
static const shape_t shape_Issuer = { .name = "Issuer", .kind = SHAPE_STRING, .min = -1, .max = -1 };
static const shape_t shape_NameQualifier = {
    .name = "NameQualifier", .kind = SHAPE_STRING, .min = -1, .max = -1,
};
static const shape_t shape_Subject = { .name = "Subject", .kind = SHAPE_STRING, .min = -1, .max = -1 };
static const shape_t shape_SubjectType = {
    .name = "SubjectType", .kind = SHAPE_STRING, .min = -1, .max = -1,
};
static const shape_member members_AssumeRoleWithSAMLResponse[] = {
    { "AssumedRoleUser", &shape_AssumedRoleUser, false },
    { "Audience", &shape_Audience, false },
    { "Credentials", &shape_Credentials, false },
    { "Issuer", &shape_Issuer, false },
    { "NameQualifier", &shape_NameQualifier, false },
    { "PackedPolicySize", &shape_nonNegativeIntegerType, false },
    { "SourceIdentity", &shape_sourceIdentityType, false },
    { "Subject", &shape_Subject, false },
    { "SubjectType", &shape_SubjectType, false },
    { NULL, NULL, false },
};
static const shape_t shape_AssumeRoleWithSAMLResponse = {
    .name = "AssumeRoleWithSAMLResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_AssumeRoleWithSAMLResponse,
};
static const char *const errors_2[] = {
    "MalformedPolicyDocument", "PackedPolicyTooLarge", "IDPRejectedClaim", "InvalidIdentityToken",
    "ExpiredTokenException", "RegionDisabledException", NULL,
};
static const shape_t shape_urlType = { .name = "urlType", .kind = SHAPE_STRING, .min = 4, .max = 2048 };
static const shape_t shape_clientTokenType = {
    .name = "clientTokenType", .kind = SHAPE_STRING, .min = 4, .max = 20000, .sensitive = true,
};
static const shape_member members_AssumeRoleWithWebIdentityRequest[] = {
    { "DurationSeconds", &shape_roleDurationSecondsType, false },
    { "Policy", &shape_sessionPolicyDocumentType, false },
    { "PolicyArns", &shape_policyDescriptorListType, false },
    { "ProviderId", &shape_urlType, false },
    { "RoleArn", &shape_arnType, true },
    { "RoleSessionName", &shape_roleSessionNameType, true },
    { "WebIdentityToken", &shape_clientTokenType, true },
    { NULL, NULL, false },
};
static const shape_t shape_AssumeRoleWithWebIdentityRequest = {
    .name = "AssumeRoleWithWebIdentityRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_AssumeRoleWithWebIdentityRequest,
};
static const shape_t shape_webIdentitySubjectType = {
    .name = "webIdentitySubjectType", .kind = SHAPE_STRING, .min = 6, .max = 255,
};
static const shape_member members_AssumeRoleWithWebIdentityResponse[] = {
    { "AssumedRoleUser", &shape_AssumedRoleUser, false },
    { "Audience", &shape_Audience, false },
    { "Credentials", &shape_Credentials, false },
    { "PackedPolicySize", &shape_nonNegativeIntegerType, false },
    { "Provider", &shape_Issuer, false },
    { "SourceIdentity", &shape_sourceIdentityType, false },
    { "SubjectFromWebIdentityToken", &shape_webIdentitySubjectType, false },
    { NULL, NULL, false },
};
static const shape_t shape_AssumeRoleWithWebIdentityResponse = {
    .name = "AssumeRoleWithWebIdentityResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_AssumeRoleWithWebIdentityResponse,
};
static const char *const errors_3[] = {
    "MalformedPolicyDocument", "PackedPolicyTooLarge", "IDPRejectedClaim", "IDPCommunicationError",
    "InvalidIdentityToken", "ExpiredTokenException", "RegionDisabledException", NULL,
};
static const shape_t shape_RootDurationSecondsType = {
    .name = "RootDurationSecondsType", .kind = SHAPE_INTEGER, .min = 0, .max = 900,
};
static const shape_t shape_TargetPrincipalType = {
    .name = "TargetPrincipalType", .kind = SHAPE_STRING, .min = 12, .max = 2048,
};
static const shape_member members_AssumeRootRequest[] = {
    { "DurationSeconds", &shape_RootDurationSecondsType, false },
    { "TargetPrincipal", &shape_TargetPrincipalType, true },
    { "TaskPolicyArn", &shape_PolicyDescriptorType, true },
    { NULL, NULL, false },
};
static const shape_t shape_AssumeRootRequest = {
    .name = "AssumeRootRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_AssumeRootRequest,
};
static const shape_member members_AssumeRootResponse[] = {
    { "Credentials", &shape_Credentials, false },
    { "SourceIdentity", &shape_sourceIdentityType, false },
    { NULL, NULL, false },
};
static const shape_t shape_AssumeRootResponse = {
    .name = "AssumeRootResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_AssumeRootResponse,
};
static const char *const errors_4[] = { "RegionDisabledException", "ExpiredTokenException", NULL };
static const shape_t shape_encodedMessageType = {
    .name = "encodedMessageType", .kind = SHAPE_STRING, .min = 1, .max = 10240,
};
static const shape_member members_DecodeAuthorizationMessageRequest[] = {
    { "EncodedMessage", &shape_encodedMessageType, true },
    { NULL, NULL, false },
};
static const shape_t shape_DecodeAuthorizationMessageRequest = {
    .name = "DecodeAuthorizationMessageRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_DecodeAuthorizationMessageRequest,
};
static const shape_t shape_decodedMessageType = {
    .name = "decodedMessageType", .kind = SHAPE_STRING, .min = -1, .max = -1,
};
static const shape_member members_DecodeAuthorizationMessageResponse[] = {
    { "DecodedMessage", &shape_decodedMessageType, false },
    { NULL, NULL, false },
};
static const shape_t shape_DecodeAuthorizationMessageResponse = {
    .name = "DecodeAuthorizationMessageResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_DecodeAuthorizationMessageResponse,
};
static const char *const errors_5[] = { "InvalidAuthorizationMessageException", NULL };
static const shape_member members_GetAccessKeyInfoRequest[] = {
    { "AccessKeyId", &shape_accessKeyIdType, true },
    { NULL, NULL, false },
};
static const shape_t shape_GetAccessKeyInfoRequest = {
    .name = "GetAccessKeyInfoRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GetAccessKeyInfoRequest,
};
static const shape_t shape_accountType = {
    .name = "accountType", .kind = SHAPE_STRING, .min = -1, .max = -1,
};
static const shape_member members_GetAccessKeyInfoResponse[] = {
    { "Account", &shape_accountType, false },
    { NULL, NULL, false },
};
static const shape_t shape_GetAccessKeyInfoResponse = {
    .name = "GetAccessKeyInfoResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GetAccessKeyInfoResponse,
};
static const char *const errors_6[] = { NULL };
static const shape_member members_GetCallerIdentityRequest[] = {
    { NULL, NULL, false },
};
static const shape_t shape_GetCallerIdentityRequest = {
    .name = "GetCallerIdentityRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GetCallerIdentityRequest,
};
static const shape_t shape_userIdType = { .name = "userIdType", .kind = SHAPE_STRING, .min = -1, .max = -1 };
static const shape_member members_GetCallerIdentityResponse[] = {
    { "Account", &shape_accountType, false },
    { "Arn", &shape_arnType, false },
    { "UserId", &shape_userIdType, false },
    { NULL, NULL, false },
};
static const shape_t shape_GetCallerIdentityResponse = {
    .name = "GetCallerIdentityResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GetCallerIdentityResponse,
};
static const shape_t shape_tradeInTokenType = {
    .name = "tradeInTokenType", .kind = SHAPE_STRING, .min = -1, .max = -1, .sensitive = true,
};
static const shape_member members_GetDelegatedAccessTokenRequest[] = {
    { "TradeInToken", &shape_tradeInTokenType, true },
    { NULL, NULL, false },
};
static const shape_t shape_GetDelegatedAccessTokenRequest = {
    .name = "GetDelegatedAccessTokenRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GetDelegatedAccessTokenRequest,
};
static const shape_member members_GetDelegatedAccessTokenResponse[] = {
    { "AssumedPrincipal", &shape_arnType, false },
    { "Credentials", &shape_Credentials, false },
    { "PackedPolicySize", &shape_nonNegativeIntegerType, false },
    { NULL, NULL, false },
};
static const shape_t shape_GetDelegatedAccessTokenResponse = {
    .name = "GetDelegatedAccessTokenResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GetDelegatedAccessTokenResponse,
};
static const char *const errors_7[] = {
    "ExpiredTradeInTokenException", "RegionDisabledException", "PackedPolicyTooLarge", NULL,
};
static const shape_t shape_durationSecondsType = {
    .name = "durationSecondsType", .kind = SHAPE_INTEGER, .min = 900, .max = 129600,
};
static const shape_t shape_userNameType = {
    .name = "userNameType", .kind = SHAPE_STRING, .min = 2, .max = 32, .pattern = &pattern_4,
};
static const shape_member members_GetFederationTokenRequest[] = {
    { "DurationSeconds", &shape_durationSecondsType, false },
    { "Name", &shape_userNameType, true },
    { "Policy", &shape_sessionPolicyDocumentType, false },
    { "PolicyArns", &shape_policyDescriptorListType, false },
    { "Tags", &shape_tagListType, false },
    { NULL, NULL, false },
};
static const shape_t shape_GetFederationTokenRequest = {
    .name = "GetFederationTokenRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GetFederationTokenRequest,
};
static const pattern_range pattern_11_ranges[] = {
    { 0x2b, 0x2e, 0 }, { 0x30, 0x3a, 0 }, { 0x3d, 0x3d, 0 }, { 0x40, 0x5a, 0 }, { 0x5f, 0x5f, 0 },
    { 0x61, 0x7a, 0 },
};
static const uint8_t pattern_11_next[] = { 0, 1 };
static const pattern_t pattern_11 = {
    .text = "[\\w+=,.@\\:-]*", .ranges = pattern_11_ranges, .n_ranges = 6, .next = pattern_11_next,
    .n_classes = 1, .start = 1, .first_end = 1,
};
static const shape_t shape_federatedIdType = {
    .name = "federatedIdType", .kind = SHAPE_STRING, .min = 2, .max = 193, .pattern = &pattern_11,
};
static const shape_member members_FederatedUser[] = {
    { "Arn", &shape_arnType, true },
    { "FederatedUserId", &shape_federatedIdType, true },
    { NULL, NULL, false },
};
static const shape_t shape_FederatedUser = {
    .name = "FederatedUser", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1, .members = members_FederatedUser,
};
static const shape_member members_GetFederationTokenResponse[] = {
    { "Credentials", &shape_Credentials, false },
    { "FederatedUser", &shape_FederatedUser, false },
    { "PackedPolicySize", &shape_nonNegativeIntegerType, false },
    { NULL, NULL, false },
};
static const shape_t shape_GetFederationTokenResponse = {
    .name = "GetFederationTokenResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GetFederationTokenResponse,
};
static const char *const errors_8[] = {
    "MalformedPolicyDocument", "PackedPolicyTooLarge", "RegionDisabledException", NULL,
};
static const shape_member members_GetSessionTokenRequest[] = {
    { "DurationSeconds", &shape_durationSecondsType, false },
    { "SerialNumber", &shape_serialNumberType, false },
    { "TokenCode", &shape_tokenCodeType, false },
    { NULL, NULL, false },
};
static const shape_t shape_GetSessionTokenRequest = {
    .name = "GetSessionTokenRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GetSessionTokenRequest,
};
static const shape_member members_GetSessionTokenResponse[] = {
    { "Credentials", &shape_Credentials, false },
    { NULL, NULL, false },
};
static const shape_t shape_GetSessionTokenResponse = {
    .name = "GetSessionTokenResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GetSessionTokenResponse,
};
static const char *const errors_9[] = { "RegionDisabledException", NULL };
static const shape_t shape_webIdentityTokenAudienceStringType = {
    .name = "webIdentityTokenAudienceStringType", .kind = SHAPE_STRING, .min = 1, .max = 1000,
};
static const shape_t shape_webIdentityTokenAudienceListType = {
    .name = "webIdentityTokenAudienceListType", .kind = SHAPE_LIST, .min = 1, .max = 10,
    .element = &shape_webIdentityTokenAudienceStringType,
};
static const shape_t shape_webIdentityTokenDurationSecondsType = {
    .name = "webIdentityTokenDurationSecondsType", .kind = SHAPE_INTEGER, .min = 60, .max = 3600,
};
static const shape_t shape_jwtAlgorithmType = {
    .name = "jwtAlgorithmType", .kind = SHAPE_STRING, .min = 5, .max = 5,
};
static const shape_member members_GetWebIdentityTokenRequest[] = {
    { "Audience", &shape_webIdentityTokenAudienceListType, true },
    { "DurationSeconds", &shape_webIdentityTokenDurationSecondsType, false },
    { "SigningAlgorithm", &shape_jwtAlgorithmType, true },
    { "Tags", &shape_tagListType, false },
    { NULL, NULL, false },
};
static const shape_t shape_GetWebIdentityTokenRequest = {
    .name = "GetWebIdentityTokenRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GetWebIdentityTokenRequest,
};
static const shape_t shape_webIdentityTokenType = {
    .name = "webIdentityTokenType", .kind = SHAPE_STRING, .min = -1, .max = -1, .sensitive = true,
};
static const shape_member members_GetWebIdentityTokenResponse[] = {
    { "Expiration", &shape_dateType, false },
    { "WebIdentityToken", &shape_webIdentityTokenType, false },
    { NULL, NULL, false },
};
static const shape_t shape_GetWebIdentityTokenResponse = {
    .name = "GetWebIdentityTokenResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GetWebIdentityTokenResponse,
};
static const char *const errors_10[] = {
    "SessionDurationEscalationException", "OutboundWebIdentityFederationDisabledException",
    "JWTPayloadSizeExceededException", NULL,
};
const shape_operation shape_sts_operations[] = {
    { "AssumeRole", &shape_AssumeRoleRequest, &shape_AssumeRoleResponse, errors_1 },
    { "AssumeRoleWithSAML", &shape_AssumeRoleWithSAMLRequest, &shape_AssumeRoleWithSAMLResponse, errors_2 },
    { "AssumeRoleWithWebIdentity", &shape_AssumeRoleWithWebIdentityRequest,
      &shape_AssumeRoleWithWebIdentityResponse, errors_3 },
    { "AssumeRoot", &shape_AssumeRootRequest, &shape_AssumeRootResponse, errors_4 },
    { "DecodeAuthorizationMessage", &shape_DecodeAuthorizationMessageRequest,
      &shape_DecodeAuthorizationMessageResponse, errors_5 },
    { "GetAccessKeyInfo", &shape_GetAccessKeyInfoRequest, &shape_GetAccessKeyInfoResponse, errors_6 },
    { "GetCallerIdentity", &shape_GetCallerIdentityRequest, &shape_GetCallerIdentityResponse, errors_6 },
    { "GetDelegatedAccessToken", &shape_GetDelegatedAccessTokenRequest,
      &shape_GetDelegatedAccessTokenResponse, errors_7 },
    { "GetFederationToken", &shape_GetFederationTokenRequest, &shape_GetFederationTokenResponse, errors_8 },
    { "GetSessionToken", &shape_GetSessionTokenRequest, &shape_GetSessionTokenResponse, errors_9 },
    { "GetWebIdentityToken", &shape_GetWebIdentityTokenRequest,
      &shape_GetWebIdentityTokenResponse, errors_10 },
    { NULL, NULL, NULL, NULL },
};
