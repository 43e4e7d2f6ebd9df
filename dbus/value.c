/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/value.h"
#include <gio/gio.h>

static GVariant *
text_to_variant(const char *text)
{
    if (!text)
        text = "";
    if (g_utf8_validate(text, -1, NULL))
        return g_variant_new_string(text);
    return g_variant_new_take_string(g_utf8_make_valid(text, -1));
}

static GVariant *
texts_to_variant(const char *const *texts)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE_STRING_ARRAY);
    for (; texts && *texts; texts++)
        g_variant_builder_add_value(&builder, text_to_variant(*texts));
    return g_variant_builder_end(&builder);
}

/* The engine's type of number need not be the bus's: a guint64 may stand for a moment, a guint for
 * a byte. */
static GVariant *
number_to_variant(const GValue *value, const char *signature)
{
    g_auto(GValue) number = G_VALUE_INIT;

    switch (*signature) {
    case 'b':
        g_value_init(&number, G_TYPE_BOOLEAN);
        break;
    case 'i':
        g_value_init(&number, G_TYPE_INT);
        break;
    case 'u':
        g_value_init(&number, G_TYPE_UINT);
        break;
    case 't':
        g_value_init(&number, G_TYPE_UINT64);
        break;
    case 'd':
        g_value_init(&number, G_TYPE_DOUBLE);
        break;
    default:
        g_error("No way from %s to the D-Bus type %s", G_VALUE_TYPE_NAME(value), signature);
    }
    if (!g_value_transform(value, &number))
        g_error("No way from %s to the D-Bus type %s", G_VALUE_TYPE_NAME(value), signature);
    return g_dbus_gvalue_to_gvariant(&number, G_VARIANT_TYPE(signature));
}

GVariant *
stile_value_to_variant(const GValue *value, const char *signature)
{
    const GVariantType *type = G_VARIANT_TYPE(signature);
    GVariant *variant;

    if (G_VALUE_HOLDS_STRING(value)) {
        variant = text_to_variant(g_value_get_string(value));
    } else if (G_VALUE_HOLDS(value, G_TYPE_STRV)) {
        variant = texts_to_variant(g_value_get_boxed(value));
    } else if (G_VALUE_HOLDS_VARIANT(value)) {
        variant = g_value_get_variant(value);
        if (!variant)
            variant = g_variant_new_array(g_variant_type_element(type), NULL, 0);
    } else {
        return number_to_variant(value, signature);
    }
    g_assert(g_variant_is_of_type(variant, type));
    return g_variant_ref_sink(variant);
}
