//! The quotas and settings of an account, as AWS tells them.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudwatch::types::MetricAlarm;
use aws_sdk_dynamodb::types::TableDescription;
use aws_sdk_servicequotas::types::ServiceQuota;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::SdkConfig;

use crate::quotas::{Default, Defaults, Quota};

/// The source of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The account told it.
    Account,
    /// The account did not tell it: the default of the region is taken.
    DefaultOfRegion,
}

/// The quotas and settings of an account.
#[derive(Debug)]
pub struct Account {
    pub quotas: BTreeMap<Quota, (f64, Source)>,
    /// The table of the stack, if there is one.
    pub table: Option<Table>,
    /// The alarms of the stack; `None` if they were not told.
    pub alarms: Option<Alarms>,
    /// Questions that were not answered, each with the reason.
    pub unanswered: Vec<String>,
}

/// The settings of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    /// The write units a second that it takes at once.
    pub warm_writes: Option<i64>,
    pub is_protected: bool,
    /// `None` if it was not told.
    pub has_backup: Option<bool>,
    pub has_stream: bool,
}

/// The alarms of the stack, and who hears of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alarms {
    pub count: usize,
    /// Names of alarms that notify nobody: they have no action, or their actions are off.
    pub silent: Vec<String>,
    /// The topics that alarms notify, by ARN.
    pub topics: BTreeMap<String, Subscriptions>,
}

/// The subscriptions of a topic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Subscriptions {
    pub confirmed: usize,
    /// Those whose address has not confirmed them: it is sent nothing.
    pub pending: usize,
}

/// Reads an account. A question that is not answered leaves the default of the region, and is reported.
pub async fn read(config: &SdkConfig, stack: &str, defaults: &Defaults) -> Account {
    let mut account = Account { quotas: BTreeMap::new(), table: None, alarms: None, unanswered: Vec::new() };
    for (quota, default) in defaults {
        account.quotas.insert(*quota, (default.default, Source::DefaultOfRegion));
    }
    let told = account.service_quotas(config, defaults).await;
    account.quotas.extend(told.into_iter().map(|(quota, number)| (quota, (number, Source::Account))));
    account.concurrency(config).await;
    account.find_table(config, stack).await;
    account.find_alarms(config, stack).await;
    account
}

impl Account {
    /// The applied quotas: those that were never raised are not among them with some services.
    async fn service_quotas(&mut self, config: &SdkConfig, defaults: &Defaults) -> Vec<(Quota, f64)> {
        let client = aws_sdk_servicequotas::Client::new(config);
        let mut found = Vec::new();
        let mut services: BTreeMap<&str, Vec<(Quota, &Default)>> = BTreeMap::new();
        for (quota, default) in defaults {
            services.entry(&default.service).or_default().push((*quota, default));
        }
        for (service, wanted) in services {
            let mut pages = client.list_service_quotas().service_code(service).into_paginator().send();
            let mut told = Vec::new();
            while let Some(page) = pages.next().await {
                match page {
                    Ok(page) => told.extend(page.quotas.unwrap_or_default()),
                    Err(error) => {
                        self.unanswered.push(format!("Service Quotas of {service}: {}", reason(&error)));
                        break;
                    }
                }
            }
            for (quota, default) in wanted {
                let value = told.iter().find(|told| is_it(told, default)).and_then(ServiceQuota::value);
                found.extend(value.map(|value| (quota, value)));
            }
        }
        found
    }

    /// Lambda knows its limit better than Service Quotas: new accounts have less than the default.
    async fn concurrency(&mut self, config: &SdkConfig) {
        match aws_sdk_lambda::Client::new(config).get_account_settings().send().await {
            Ok(settings) => {
                let limit = settings.account_limit;
                let unreserved = limit.and_then(|limit| limit.unreserved_concurrent_executions);
                match unreserved {
                    Some(number) => {
                        self.quotas.insert(Quota::LambdaConcurrency, (f64::from(number), Source::Account));
                    }
                    None => self.unanswered.push("Lambda's account settings: no limit is in the answer".to_owned()),
                }
            }
            Err(error) => self.unanswered.push(format!("Lambda's account settings: {}", reason(&error))),
        }
    }

    /// The metric alarms of the stack. It has no others.
    async fn find_alarms(&mut self, config: &SdkConfig, stack: &str) {
        let client = aws_sdk_cloudwatch::Client::new(config);
        let mut pages = client.describe_alarms().alarm_name_prefix(format!("{stack}-")).into_paginator().send();
        let (mut alarms, mut notified) = (Alarms::default(), BTreeSet::new());
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                Err(error) => return self.unanswered.push(format!("the alarms: {}", reason(&error))),
            };
            let of_stack = |alarm: &MetricAlarm| is_of_stack(stack, alarm.alarm_name().unwrap_or_default());
            for alarm in page.metric_alarms.unwrap_or_default().into_iter().filter(of_stack) {
                alarms.count = alarms.count.saturating_add(1);
                if alarm.actions_enabled() == Some(false) || alarm.alarm_actions().is_empty() {
                    alarms.silent.extend(alarm.alarm_name().map(str::to_owned));
                } else {
                    notified.extend(alarm.alarm_actions.unwrap_or_default());
                }
            }
        }
        for topic in notified.into_iter().filter(|action| action.split(':').nth(2) == Some("sns")) {
            match subscriptions(config, &topic).await {
                Ok(subscriptions) => drop(alarms.topics.insert(topic, subscriptions)),
                Err(reason) => self.unanswered.push(format!("the subscriptions of {topic}: {reason}")),
            }
        }
        self.alarms = Some(alarms);
    }

    async fn find_table(&mut self, config: &SdkConfig, stack: &str) {
        let client = aws_sdk_dynamodb::Client::new(config);
        let prefix = format!("{stack}-Table-");
        let mut names = client.list_tables().into_paginator().items().send();
        let name = loop {
            match names.next().await {
                Some(Ok(name)) if name.starts_with(&prefix) => break name,
                Some(Ok(_)) => {}
                Some(Err(error)) => return self.unanswered.push(format!("the tables: {}", reason(&error))),
                None => return self.unanswered.push(format!("the table: there is none of the stack {stack}")),
            }
        };
        let described = client.describe_table().table_name(&name).send().await;
        let backups = client.describe_continuous_backups().table_name(&name).send().await;
        let has_backup = backups.ok().and_then(|answer| {
            let status = answer.continuous_backups_description?.point_in_time_recovery_description?;
            Some(status.point_in_time_recovery_status?.as_str() == "ENABLED")
        });
        match described {
            Ok(answer) => self.table = answer.table.map(|table| Table::from_description(name, &table, has_backup)),
            Err(error) => self.unanswered.push(format!("the table {name}: {}", reason(&error))),
        }
    }
}

/// Counts the subscriptions of a topic. The error is the reason of a failure.
async fn subscriptions(config: &SdkConfig, topic: &str) -> Result<Subscriptions, String> {
    let client = aws_sdk_sns::Client::new(config);
    let mut found = Subscriptions::default();
    let mut all = client.list_subscriptions_by_topic().topic_arn(topic).into_paginator().items().send();
    while let Some(subscription) = all.next().await {
        let subscription = subscription.map_err(|error| reason(&error).to_owned())?;
        match subscription.subscription_arn() {
            Some(PENDING) => found.pending = found.pending.saturating_add(1),
            Some(arn) if arn.starts_with("arn:") => found.confirmed = found.confirmed.saturating_add(1),
            _ => {}
        }
    }
    Ok(found)
}

/// The ARN that SNS gives a subscription before its address confirms it.
const PENDING: &str = "PendingConfirmation";

/// Whether CloudFormation named a resource of this stack so, and not of another whose name begins with it.
fn is_of_stack(stack: &str, name: &str) -> bool {
    let rest = name.strip_prefix(stack).and_then(|rest| rest.strip_prefix('-')).unwrap_or_default();
    rest.split('-').count() == 2
}

impl Table {
    fn from_description(name: String, table: &TableDescription, has_backup: Option<bool>) -> Self {
        let stream = table.stream_specification.as_ref();
        Self {
            name,
            // An emulator says 0, which no table has.
            warm_writes: table
                .warm_throughput
                .as_ref()
                .and_then(|warm| warm.write_units_per_second)
                .filter(|units| *units > 0),
            is_protected: table.deletion_protection_enabled.unwrap_or(false),
            has_backup,
            has_stream: stream.is_some_and(|stream| stream.stream_enabled),
        }
    }
}

/// The reason of a failed question: the error's code, as of a missing permission, or that there was no answer.
fn reason(error: &impl ProvideErrorMetadata) -> &str {
    error.code().or_else(|| error.message()).unwrap_or("no answer, or none that can be read")
}

fn is_it(told: &ServiceQuota, wanted: &Default) -> bool {
    let is_code = wanted.code.is_some() && told.quota_code == wanted.code;
    is_code || told.quota_name.as_deref() == Some(&wanted.name)
}
