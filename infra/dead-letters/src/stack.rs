//! The dead letters of a stack: their queues and their bucket, found by its queues and functions themselves.

use std::collections::BTreeMap;

use aws_sdk_lambda::types::FunctionConfiguration;
use aws_sdk_sqs::types::QueueAttributeName;
use serde::Deserialize;

use crate::{bucket::LetterBucket, client::DeadLetterError};

/// The queues of dead letters and of failures, by name, and the failures bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LetterPlaces {
    pub queues: Vec<LetterQueue>,
    pub bucket: Option<LetterBucket>,
}

/// A dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterQueue {
    /// Its name in the template.
    pub name: String,
    /// Its address.
    pub url: String,
    /// The approximate number of its letters.
    pub count: u64,
    /// The destination of its letters, if it is known.
    pub destination: Option<Destination>,
}

/// The destination of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Back into a queue.
    Queue {
        /// Its name in the template.
        name: String,
        url: String,
    },
    /// To a function that reads the stream.
    Function {
        /// Its name in the template.
        name: String,
        /// Its name in Lambda.
        function: String,
    },
    /// The function that each letter names, with the event of its asynchronous invocation.
    FailedFunction,
    /// The objects that each notice names.
    Objects(LetterBucket),
}

impl Destination {
    /// Its name in the template.
    pub fn name(&self) -> &str {
        match self {
            Self::Queue { name, .. } | Self::Function { name, .. } => name,
            Self::FailedFunction => "the function that failed",
            Self::Objects(_) => LetterBucket::NAME,
        }
    }
}

/// The attributes of a queue.
struct Described {
    name: String,
    url: String,
    arn: String,
    count: u64,
    dead_letters: Option<String>,
}

/// The name in the template of a resource that CloudFormation calls `STACK-NAME-RANDOM`. Names in templates have no
/// dashes. So a resource of another stack is not mistaken for one of this stack, even if its name begins alike.
pub(crate) fn logical_name<'n>(stack: &str, physical: &'n str) -> Option<&'n str> {
    let (name, random) = physical.strip_prefix(stack)?.strip_prefix('-')?.split_once('-')?;
    (!name.is_empty() && !random.is_empty() && !random.contains('-')).then_some(name)
}

/// The places of a stack's letters:
/// - the queues that another queue or a function names as such, and those with a name that ends in `DeadLetters`;
/// - the queues of failed asynchronous invocations, with a name that ends in `Failures`;
/// - the bucket that functions name as `FAILURES_BUCKET`, and the queue of its notices, with a name that ends in `Notices`.
pub(crate) async fn letter_places(
    sqs: &aws_sdk_sqs::Client,
    lambda: &aws_sdk_lambda::Client,
    stack: &str,
) -> Result<LetterPlaces, DeadLetterError> {
    let queues = queues(sqs, stack).await?;
    let Functions { by_queue, bucket } = functions(lambda, stack).await?;
    let bucket = bucket.map(|bucket| LetterBucket { bucket, notices: None });
    let mut found = BTreeMap::new();
    for Described { name, url, arn, count, .. } in &queues {
        let source = queues.iter().find(|queue| queue.dead_letters.as_ref() == Some(arn));
        let back = source.map(|queue| Destination::Queue { name: queue.name.clone(), url: queue.url.clone() });
        let destination = back.or_else(|| by_queue.get(physical(url)).cloned());
        let destination = destination.or_else(|| match name.as_str() {
            failures if failures.ends_with("Failures") => Some(Destination::FailedFunction),
            notices if notices.ends_with("Notices") => bucket.clone().map(Destination::Objects),
            _ => None,
        });
        if destination.is_some() || name.ends_with("DeadLetters") {
            let queue = LetterQueue { name: name.clone(), url: url.clone(), count: *count, destination };
            found.insert(name.clone(), queue);
        }
    }
    let queues: Vec<LetterQueue> = found.into_values().collect();
    let is_of_bucket = |queue: &&LetterQueue| matches!(queue.destination, Some(Destination::Objects(_)));
    let notices = queues.iter().find(is_of_bucket).cloned().map(Box::new);
    Ok(LetterPlaces { bucket: bucket.map(|bucket| LetterBucket { notices, ..bucket }), queues })
}

async fn queues(sqs: &aws_sdk_sqs::Client, stack: &str) -> Result<Vec<Described>, DeadLetterError> {
    let mut pages = sqs.list_queues().queue_name_prefix(format!("{stack}-")).max_results(1_000).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        for url in page.map_err(aws_sdk_sqs::Error::from)?.queue_urls.unwrap_or_default() {
            if let Some(name) = logical_name(stack, physical(&url)).map(str::to_owned) {
                found.push(describe(sqs, name, url).await?);
            }
        }
    }
    Ok(found)
}

async fn describe(sqs: &aws_sdk_sqs::Client, name: String, url: String) -> Result<Described, DeadLetterError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct RedrivePolicy {
        dead_letter_target_arn: String,
    }
    let request = sqs.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::All);
    let attributes = request.send().await.map_err(aws_sdk_sqs::Error::from)?.attributes.unwrap_or_default();
    let number = |name| attributes.get(&name).and_then(|number| number.parse().ok()).unwrap_or(0_u64);
    let visible = number(QueueAttributeName::ApproximateNumberOfMessages);
    let policy = attributes.get(&QueueAttributeName::RedrivePolicy);
    let policy: Option<RedrivePolicy> = policy.and_then(|policy| serde_json::from_str(policy).ok());
    Ok(Described {
        name,
        url,
        arn: attributes.get(&QueueAttributeName::QueueArn).cloned().unwrap_or_default(),
        count: visible.saturating_add(number(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)),
        dead_letters: policy.map(|policy| policy.dead_letter_target_arn),
    })
}

/// The name of the queue at an address. A queue can have more than one address.
fn physical(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}

/// The functions of the stack that send dead letters.
#[derive(Debug, Default)]
struct Functions {
    /// By the name of the queue they send to.
    by_queue: BTreeMap<String, Destination>,
    /// The bucket they write to.
    bucket: Option<String>,
}

async fn functions(lambda: &aws_sdk_lambda::Client, stack: &str) -> Result<Functions, DeadLetterError> {
    let mut pages = lambda.list_functions().into_paginator().send();
    let mut found = Functions::default();
    while let Some(page) = pages.next().await {
        for function in page.map_err(aws_sdk_lambda::Error::from)?.functions.unwrap_or_default() {
            let Some(url) = variable(&function, "DEAD_LETTERS_URL") else { continue };
            let bucket = variable(&function, "FAILURES_BUCKET");
            let function = function.function_name.unwrap_or_default();
            if let Some(name) = logical_name(stack, &function).map(str::to_owned) {
                found.by_queue.insert(physical(&url).to_owned(), Destination::Function { name, function });
                found.bucket = found.bucket.or(bucket);
            }
        }
    }
    Ok(found)
}

fn variable(function: &FunctionConfiguration, name: &str) -> Option<String> {
    function.environment.as_ref()?.variables.as_ref()?.get(name).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_template() {
        assert_eq!(logical_name("jangteo", "jangteo-ExpiryDeadLetters-1AB2C"), Some("ExpiryDeadLetters"));
        assert_eq!(logical_name("jang-teo", "jang-teo-Expiry-1AB2C"), Some("Expiry"));
        for another in
            ["jangteo-test-Expiry-1AB2C", "jangteo-Expiry", "jangteo--1AB2C", "jangteoExpiry-1AB2C", "other", ""]
        {
            assert_eq!(logical_name("jangteo", another), None, "{another}");
        }
    }
}
