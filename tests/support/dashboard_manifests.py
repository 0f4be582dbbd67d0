"""The manifests of ``support.dashboard_world``: a shop with mails, orders and a website, as its people wrote
them commit by commit. Whatever a job says it does, it only prints and sleeps."""

from types import MappingProxyType
from typing import Final, NamedTuple

CONFIG: Final = """\
timezone: Europe/Berlin
port: 0
max_concurrency: 12
pools: {database: 2, browser: 1}
gateway: {url: "http://127.0.0.1:9"}
notifications:
  webhooks: {ops: {url: "http://127.0.0.1:9/hooks/ops"}}
  default_on_failure: ["webhook:ops"]
"""

WORK: Final = """\
# Prints as a program at work does, for so many seconds: sh scripts/work.sh WHAT SECONDS [EXIT]
what=$1 seconds=$2
printf '\\033[1m%s\\033[0m of %s\\n' "$what" "$(date -u +%FT%TZ)"
i=0
while [ "$i" -lt "$seconds" ]; do
  i=$((i + 1))
  printf '\\033[32m  ok\\033[0m  part %s of %s\\n' "$i" "$seconds"
  sleep 1
done
[ "${3:-0}" = 0 ] || printf '\\033[31mfailed\\033[0m: the other side has answered 503\\n' >&2
exit "${3:-0}"
"""

_DEFAULTS = "defaults:\n  timeout: 30m\n  owner: ops\n"

_MAIL = """\
defaults: {owner: ann, tags: [mail]}
nodes:
  - {id: inbox, kind: source, description: The mailbox of the office, path: "imaps://mail.example.com"}
  - {id: mail-token, kind: auth, description: Lets in at the mail server, expires: "2036-06-30", owner: ann}
  - {id: mails, kind: datastore, description: "All mails, sorted", path: data/mails, fresh_within: 2h}
  - {id: mail-rules, kind: datastore, description: What makes a mail one for the office}
queues:
  - {id: mail, description: "Mails that are to be sorted, each once", dedup: {key: "$.id", scope: all}}
jobs:
  - id: fetch-mail
    name: Fetch the mail
    description: Brings what has come to the mailbox of the office.
    schedule: "*/10 * * * *"
    run: sh scripts/work.sh "fetching mail" 4
    timeout: 2m
    retries: {limit: 2, delay: 1m, backoff: exponential}
    reads: [source:inbox]
    writes: [queue:mail]
    uses: [auth:mail-token]
  - id: sort-mail
    description: Reads each mail and files it.
    on_queue: {queue: mail, batch: 10, max_wait: 30s}
    run: sh scripts/work.sh "sorting mail" 8
    timeout: 10m
    reads: [datastore:mail-rules]
    writes: [datastore:mails]
  - id: index-mail
    after: [sort-mail]
    run: sh scripts/work.sh "indexing" 3
    timeout: 5m
    reads: [datastore:mails]
  - id: learn-mail-rules
    schedule: "0 3 * * *"
    run: sh scripts/work.sh "learning" 20
    timeout: 20m
    reads: [datastore:mails]
    writes: [datastore:mail-rules]
  - id: answer-drafts
    name: Draft answers
    type: session
    schedule: "15 8-17/3 * * mon-fri"
    prompt: |
      Read the mails of {{ params.account | default("office") }} and draft an answer to each that wants one.
    params: {account: {enum: [office, sales], default: office}}
    timeout: 15m
    session: {thinking: low, max_tokens: 200000}
    tags: [mail, agent]
"""

_ORDERS = """\
defaults: {owner: orders-team, tags: [orders]}
nodes:
  - {id: shop-db, kind: datastore, description: The database of the shop, fresh_within: 30m}
  - {id: warehouse, kind: sink, description: The warehouse's own system}
  - {id: payment-key, kind: auth, description: Key of the payment service, expires: "2036-01-31"}
queues:
  - id: orders
    description: Orders that are paid and not yet packed
    max_attempts: 3
    backoff: {delay: 30s}
    payload_schema:
      type: object
      required: [order]
      properties: {order: {type: string}, total: {type: number}, items: {type: array}}
  - {id: invoices, description: Invoices that an outside program prints, lease: 10m}
jobs:
  - id: import-orders
    name: Import orders
    description: Takes new orders from the shop.
    schedule: "*/5 * * * *"
    run: sh scripts/work.sh "importing orders" 6
    timeout: 4m
    pool: database
    retries: {limit: 1, delay: 30s}
    writes: [queue:orders, datastore:shop-db]
    uses: [auth:payment-key]
  - id: pack-orders
    on_queue: {queue: orders, batch: 5, max_wait: 1m}
    run: sh scripts/work.sh "packing" 5
    writes: [sink:warehouse, queue:invoices]
  - id: charge-cards
    schedule: "2/15 * * * *"
    precheck: {run: "[ -e data/none ] || { echo nothing to charge; exit 10; }"}
    run: sh scripts/work.sh "charging" 3
    pool: database
    uses: [auth:payment-key]
    expect: {start_within: 5m, finish_by: "23:30"}
  - id: refund
    name: Refund an order
    description: Started by hand, by those who answer customers.
    run: sh scripts/work.sh "refunding" 3
    timeout: 2m
    params:
      order: {required: true, pattern: '[A-Z]{2}-[0-9]{6}', description: "Number of the order, as AB-123456"}
      amount: {type: number, description: All of it where none is given}
      reason: {enum: [damaged, late, unwanted, other], default: other}
      notify: {type: boolean, default: true, description: Whether the customer is told}
      api_token: {secret: true}
  - id: reconcile-payments
    schedule: "30 5 * * *"
    needs: {job: import-orders, within: 1h, wait: 2h}
    run: sh scripts/work.sh "comparing payments" 40
    timeout: 1h
    pool: database
    reads: [datastore:shop-db]
  - id: sync-stock
    schedule: {every: 7m}
    run: sh scripts/work.sh "stock" 5
    overlap_policy: skip
    timeout: 6m
    reads: [datastore:shop-db]
    writes: [sink:warehouse]
  - id: close-day
    name: Close the day
    schedule: "55 23 * * *"
    after: [reconcile-payments]
    run: sh scripts/work.sh "closing" 15
    reads: [datastore:shop-db]
"""

_REPORTS = """\
defaults: {owner: ben, tags: [report], timezone: America/New_York}
nodes:
  - {id: warehouse-db, kind: datastore, description: What reports are made of, fresh_within: 1d}
  - {id: board, kind: sink, description: The page that the board looks at}
jobs:
  - id: load-warehouse
    name: Load the data warehouse
    schedule: "10 1 * * *"
    run: sh scripts/work.sh "loading" 90
    timeout: 3h
    pool: database
    retries: {limit: 2, delay: 5m}
    reads: [datastore:shop-db]
    writes: [datastore:warehouse-db]
    alert: {remind: 1d}
  - id: daily-report
    after: [load-warehouse]
    run: sh scripts/work.sh "reporting" 12
    reads: [datastore:warehouse-db]
    writes: [sink:board]
  - id: weekly-report
    schedule: "0 7 * * mon"
    needs: {job: load-warehouse, within: 1d}
    run: sh scripts/work.sh "the week" 30
    reads: [datastore:warehouse-db]
    writes: [sink:board]
  - id: month-end
    schedule: {rrule: "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=17"}
    run: sh scripts/work.sh "the month" 60
    timeout: 2h
    reads: [datastore:warehouse-db]
  - id: export-crm
    name: Export to the CRM
    schedule: "20 * * * *"
    run: sh scripts/work.sh "exporting" 7 1
    timeout: 10m
    alert: {after: 2, remind: 6h}
    reads: [datastore:warehouse-db]
  - id: forecast-demand
    schedule: "0 4 * * *"
    run: sh scripts/work.sh "forecasting" 45
    timeout: 2h
    reads: [datastore:warehouse-db]
"""

_WEBSITE = """\
defaults: {owner: web, tags: [web]}
nodes:
  - {id: site, kind: sink, description: The website}
  - {id: images, kind: datastore, description: Pictures of articles, path: data/images}
queues:
  - {id: thumbnails, description: Pictures that want small ones}
jobs:
  - id: check-site
    name: Is the site up?
    schedule: "* * * * *"
    run: sh scripts/work.sh "looking at the site" 2
    timeout: 50s
    keep: {days: 3d}
    tags: [web, probe]
  - id: rebuild-search
    name: Rebuild the search index
    schedule: "0 */2 * * *"
    run: sh scripts/work.sh "indexing articles" 100
    timeout: 1h
    expect: {finish_within: 12m}
    reads: [datastore:shop-db]
    writes: [sink:site]
  - id: make-thumbnails
    on_queue: {queue: thumbnails, batch: 20}
    run: sh scripts/work.sh "thumbnails" 4
    writes: [datastore:images]
  - id: import-images
    on_change: {of: "data/incoming/*.jpg", debounce: 10s}
    run: sh scripts/work.sh "importing images" 3
    writes: [queue:thumbnails]
  - id: warm-caches
    on_start: true
    schedule: "H/20 * * * *"
    run: sh scripts/work.sh "warming" 6
    reads: [datastore:images]
    timeout: 5m
  - id: crawl-prices
    name: Prices of others
    schedule: "*/30 6-22 * * *"
    timezone: Asia/Tokyo
    run: sh scripts/work.sh "crawling" 35
    pool: browser
    timeout: 20m
    retries: {limit: 3, delay: 1m}
    overlap_policy: queue
  - id: sitemap
    schedule: "0 5 * * *"
    run: sh scripts/work.sh "sitemap" 8
    writes: [sink:site]
  - id: publish
    description: Brings the website out. Started by hand or by the editors' own program.
    run: sh scripts/work.sh "publishing" 18
    params: {branch: {default: main}, dry_run: {type: boolean, default: false}}
    writes: [sink:site]
"""

_CARE = """\
defaults: {tags: [care]}
jobs:
  - id: backup
    name: Back up everything
    schedule: "30 2 * * *"
    command: [sh, scripts/work.sh, backing up, "120"]
    timeout: 4h
    retries: {limit: 1, delay: 10m}
    on_success: ["webhook:ops"]
    expect: {finish_by: "06:00"}
  - {id: check-backup, after: backup, run: sh scripts/work.sh "reading it back" 25, timeout: 1h}
  - {id: check-disks, schedule: "*/15 * * * *", run: sh scripts/work.sh disks 1, timeout: 1m}
  - {id: rotate-logs, schedule: "H H * * *", run: sh scripts/work.sh logs 2}
  - {id: renew-certificates, schedule: "17 4 * * *", run: sh scripts/work.sh certificates 9}
  - {id: vacuum-database, schedule: "0 4 * * sun", run: sh scripts/work.sh vacuum 60, pool: database}
  - {id: patch-hosts, schedule: "0 3 * * sat#1", run: sh scripts/work.sh patches 60, timeout: 3h}
  - {id: list-licences, schedule: "@monthly", run: sh scripts/work.sh licences 4}
  - {id: ping-partners, schedule: "*/20 * * * *", run: sh scripts/work.sh partners 3, timeout: 2m}
  - {id: move-archive, schedule: {at: 2027-01-04T03:00}, run: sh scripts/work.sh archive 9, timeout: 1h}
  - id: count-visitors
    schedule: "*/30 * * * *"
    timezone: America/Sao_Paulo
    run: sh scripts/work.sh visitors 2
  - {id: compare-mirrors, schedule: "25 3,15 * * *", timezone: UTC, run: sh scripts/work.sh mirrors 12}
  - {id: clean-temp, schedule: "@daily", run: sh scripts/work.sh temp 2}
  - {id: old-export, schedule: "0 1 * * *", run: sh scripts/work.sh old 2, enabled: false}
  - {id: restart-worker, run: sh scripts/work.sh restarting 2, triggers: [warm-caches]}
"""

_NEWS = """\
id: newsletter
name: Newsletter
description: Goes to those who have asked for it, at their own seven in the morning.
owner: mia
tags: [mail, marketing]
schedule: "0 7 * * tue,thu"
timezone: Australia/Sydney
run: sh scripts/work.sh "newsletter" 30
timeout: 1h
params:
  segment: {enum: [all, customers, press], default: all}
"""

_BILLING = """\
defaults: {owner: carla, tags: [billing], timezone: Europe/Berlin}
jobs:
  - id: bill-subscriptions
    name: Bill subscriptions
    schedule: "0 6 1 * *"
    run: sh scripts/work.sh "billing" 50
    timeout: 2h
  - id: dun-late-payers
    name: Remind late payers
    schedule: "0 9 * * mon-fri"
    run: sh scripts/work.sh "reminding" 14
    timeout: 20m
  - id: bank-statements
    schedule: "40 */6 * * *"
    run: sh scripts/work.sh "statements" 11
    timeout: 10m
    retries: {limit: 2, delay: 2m}
"""

_MORE = """\
defaults: {owner: mia, tags: [marketing]}
jobs:
  - {id: ads-spend, schedule: "5 * * * *", run: sh scripts/work.sh "ads" 4, timeout: 5m}
  - {id: sync-audiences, schedule: "35 */4 * * *", run: sh scripts/work.sh "audiences" 16, timeout: 15m}
  - {id: score-leads, after: [sync-audiences], run: sh scripts/work.sh "scoring" 9, timeout: 15m}
  - {id: survey-results, schedule: "0 18 * * fri", run: sh scripts/work.sh "survey" 5}
  - {id: social-posts, schedule: ["0 9 * * *", "30 16 * * mon-fri"], run: sh scripts/work.sh "posts" 6}
"""


class Step(NamedTuple):
    """A commit, and the apply that followed it."""

    hours_ago: float
    """When."""
    author: str
    """Who."""
    subject: str
    """The first line of its message."""
    files: dict[str, str | None]
    """What was written, below the project's folder; None: deleted."""


FILES: Final = MappingProxyType(
    {
        "jobs.d/_defaults.yaml": _DEFAULTS,
        "jobs.d/mail.yaml": _MAIL,
        "jobs.d/orders.yaml": _ORDERS,
        "jobs.d/reports/reports.yaml": _REPORTS,
        "jobs.d/website.yaml": _WEBSITE,
        "jobs.d/care.yaml": _CARE,
        "jobs.d/newsletter.yaml": _NEWS,
        "jobs.d/billing.yaml": _BILLING,
        "jobs.d/marketing.yaml": _MORE,
    }
)
"""All of them, as they are in the end but for the last commit."""

_EARLY_ORDERS = _ORDERS.replace('"*/5 * * * *"', '"*/10 * * * *"').replace("timeout: 4m", "timeout: 9m")
_EARLY_CARE = _CARE.replace("id: check-disks", "id: disks").replace('backing up, "120"', 'backup, "60"')
_EARLY_WEBSITE = _WEBSITE.replace("    expect: {finish_within: 12m}\n", "").replace("20m", "15m")
_RENAMED = _CARE.replace("{id: check-disks,", "{id: check-disks, renamed_from: disks,")
_OLD_AD = _MORE + '  - {id: banner-ads, schedule: "@daily", run: sh scripts/work.sh banners 3}\n'
_BROKEN = _BILLING.replace('"0 9 * * mon-fri"', '"0 25 * * mon-fri"').replace("timeout: 10m", "timeout: 15m")

STEPS: Final = (
    Step(
        40 * 24,
        "Ann",
        "Move the crontabs of the shop here",
        {
            "jobs.d/_defaults.yaml": _DEFAULTS,
            "jobs.d/mail.yaml": _MAIL,
            "jobs.d/orders.yaml": _EARLY_ORDERS,
            "jobs.d/reports/reports.yaml": _REPORTS,
            "jobs.d/website.yaml": _EARLY_WEBSITE,
            "jobs.d/care.yaml": _EARLY_CARE,
        },
    ),
    Step(9 * 24, "Mia", "Add marketing", {"jobs.d/newsletter.yaml": _NEWS, "jobs.d/marketing.yaml": _OLD_AD}),
    Step(
        70,
        "Carla Diaz",
        "Bill from here, not from the old server",
        {"jobs.d/billing.yaml": _BILLING, "jobs.d/care.yaml": _RENAMED},
    ),
    Step(47, "Ben", "Import orders twice as often: customers wait", {"jobs.d/orders.yaml": _ORDERS}),
    Step(26, "Mia", "No more banners", {"jobs.d/marketing.yaml": _MORE}),
    Step(9, "Ann", "Say when the search index is late", {"jobs.d/website.yaml": _WEBSITE}),
    Step(1.7, "Carla Diaz", "Remind late payers an hour later", {"jobs.d/billing.yaml": _BROKEN}),
)  # fmt: skip
"""In order. The last one is broken in one job, which is held."""
