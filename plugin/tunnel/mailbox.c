/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/mailbox.h"

gboolean
stile_mailbox_put(StileMailbox *self, StileMail *mail)
{
    StileMail *newest = __atomic_load_n(&self->newest, __ATOMIC_RELAXED);

    /* The reader takes the whole list, never a part: a mail cannot come back in between. */
    do
        mail->next = newest;
    while (!__atomic_compare_exchange_n(&self->newest, &newest, mail, TRUE, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED));
    return newest == NULL;
}

StileMail *
stile_mailbox_take(StileMailbox *self)
{
    StileMail *mail = __atomic_exchange_n(&self->newest, NULL, __ATOMIC_ACQUIRE);
    StileMail *ordered = NULL;

    while (mail) {
        StileMail *older = mail->next;

        mail->next = ordered;
        ordered = mail;
        mail = older;
    }
    return ordered;
}
