"""What the help pages say beyond the error catalogue: what to do in each CRM, and what states mean.

Menus have the names that the vendors' English pages use today.
"""

from django.utils.translation import gettext_lazy as _

from crmsync.status.messages import NOTHING_TO_DO, Text

HUBSPOT_STATUS = _("HubSpot tells about outages at status.hubspot.com.")
SALESFORCE_STATUS = _("Salesforce tells about outages at status.salesforce.com.")
BOTTLECRM_STATUS = _("Ask whoever runs your BottleCRM server whether it is up.")
OUTAGE: dict[str, list[Text]] = {
    "hubspot": [HUBSPOT_STATUS],
    "salesforce": [SALESFORCE_STATUS],
    "bottlecrm": [BOTTLECRM_STATUS],
}
USAGE: dict[str, list[Text]] = {
    "hubspot": [
        _("Settings > Integrations > Connected Apps > Connection insights shows who calls HubSpot.")
    ],
    "salesforce": [
        _("Setup > Company Information shows “API Requests, Last 24 Hours” with its limit.")
    ],
}
# By code and CRM. The order is that of the page.
IN_THE_CRM: dict[str, dict[str, list[Text]]] = {
    "crm_rate_limited": USAGE,
    "crm_daily_quota_used": USAGE,
    "crm_unavailable": OUTAGE,
    "crm_timeout": OUTAGE,
    "connection_expired": {
        "hubspot": [
            _("If you signed in at HubSpot, reconnect here and sign in there once more."),
            _(
                "If you entered a token, look it up in HubSpot under Development > Legacy apps > "
                "your app > Auth, or under Development > Keys > Service keys."
            ),
            _("Which apps may enter is shown under Settings > Integrations > Connected Apps."),
        ],
        "salesforce": [
            _("Reconnect here and sign in at Salesforce once more."),
            _(
                "If Salesforce refuses, ask an administrator to check under Setup > "
                "Connected Apps OAuth Usage whether syncsite is blocked or not "
                "installed."
            ),
        ],
        "bottlecrm": [
            _(
                "An administrator makes a new token under Settings > API tokens > New token. "
                "Tokens end after 90 days unless another time was chosen."
            )
        ],
    },
    "permission_missing": {
        "hubspot": [
            _(
                "An administrator opens Settings > Users & Teams > your user, the CRM tab, and "
                "lets you view and edit contacts, meetings and notes."
            ),
            _("Then log out of HubSpot and in again, and reconnect here."),
            _("A token also needs the scopes for contacts. They are listed on its Scopes tab."),
        ],
        "salesforce": [
            _(
                "An administrator opens Setup > Permission Sets > your set. Under System "
                "Permissions you need “API Enabled” and “Access Activities”."
            ),
            _("Under Object Settings > Contacts you need Read, Create and Edit."),
        ],
        "bottlecrm": [
            _(
                "Only an administrator, or whoever logged a meeting, may change it. Team and "
                "access > Make admin changes the role."
            ),
            _("A token needs reading and writing of contacts and interactions."),
        ],
    },
    "crm_user_inactive": {
        "hubspot": [_("Settings > Users & Teams > your user > Actions > Reactivate user.")],
        "salesforce": [
            _("Setup > Users > Users > your user: choose Unfreeze, or tick Active and save.")
        ],
        "bottlecrm": [_("Team and access > your user > Reactivate.")],
    },
    "wrong_address": {
        "salesforce": [
            _(
                "Setup > My Domain shows the address. It ends with my.salesforce.com; the one of "
                "your browser, with lightning.force.com, is for people only."
            )
        ],
        "bottlecrm": [
            _("The address of the server may differ from that of the pages. Ask who runs it.")
        ],
    },
    "record_rejected": {
        "hubspot": [
            _("Rules for values: Settings > Properties > the object > the property > Rules.")
        ],
        "salesforce": [
            _("Rules for values: Setup > Object Manager > Contact or Event > Validation Rules."),
            _("Rules against duplicates: Setup > Duplicate Rules."),
        ],
        "bottlecrm": [_("Rules for values: Settings > Custom fields.")],
    },
    "field_missing": {
        "hubspot": [
            _(
                "What is required: Settings > Objects > the object, in the form for creating "
                "records, and the property’s own rules."
            )
        ],
        "salesforce": [
            _("What is required: Setup > Object Manager > Contact or Event > Validation Rules.")
        ],
        "bottlecrm": [_("What is required: Settings > Custom fields.")],
    },
    "record_deleted": {
        "hubspot": [_("CRM > Contacts > Actions > Restore records brings back what was deleted.")],
        "salesforce": [_("App Launcher > Recycle Bin keeps what was deleted for 15 days.")],
    },
}

# By state: what it means, and what to do.
STATES: dict[str, tuple[Text, Text, Text]] = {
    "not_connected": (
        _("No CRM is connected"),
        _("Your meetings are safe here, but there is no CRM that they could be saved in."),
        _("Connect your CRM, then start the sync."),
    ),
    "never_synced": (
        _("Not in your CRM yet"),
        _("This meeting has not been synced to the connected account yet."),
        _("Start the sync when you are ready."),
    ),
    "queued": (
        _("The sync starts in a moment"),
        _("Your request is stored. It is not lost if a server stops."),
        NOTHING_TO_DO,
    ),
    "waiting": (
        _("The sync waits for its turn"),
        _(
            "We save only a few of your meetings at a time. It may also be that your "
            "CRM has reached a limit or is not answering. The meeting’s page says "
            "which."
        ),
        NOTHING_TO_DO,
    ),
    "syncing": (
        _("The sync is under way"),
        _("First the contacts are saved, then the meeting, then the notes."),
        NOTHING_TO_DO,
    ),
    "removing": (
        _("The meeting is being removed"),
        _("It is deleted here. What we saved of it in your CRM is being removed; people stay."),
        _("You need to do nothing. Until it is done, you may choose “Keep the meeting”."),
    ),
    "retrying": (
        _("We will try again"),
        _(
            "A step did not work. We wait a little longer before each new try. Nothing "
            "is written twice."
        ),
        _("You need to do nothing, but you may choose “Try again now”."),
    ),
    "paused": (
        _("The sync is on hold"),
        _(
            "Your CRM does not let us in, or our support has paused your syncs. "
            "Nothing is lost: we keep the meeting until the sync continues."
        ),
        _("Reconnect your CRM if the page asks you to. What waits is then saved by itself."),
    ),
    "synced": (
        _("Saved in your CRM"),
        _("Your CRM has the meeting as it is now: people, times, place and notes."),
        _("There is nothing to do."),
    ),
    "out_of_date": (
        _("Changed since it was saved"),
        _("Your CRM has the meeting as it was before. The change is safe here."),
        _("Start the sync to save the change there as well."),
    ),
    "failed": (
        _("Not saved in your CRM"),
        _("We have stopped trying. The page says why. The meeting is safe here."),
        _("Do what the page says, then start the sync again."),
    ),
    "canceled": (
        _("The sync was canceled"),
        _("What had been saved before stays in your CRM. The meeting is safe here."),
        _("Start the sync again whenever you like."),
    ),
}
