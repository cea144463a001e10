use std::{path::PathBuf, pin::pin};

use clap::Args;
use local_stack::{Config, Error, LocalStack, Ports, Steps, repository};

use crate::{
    failure::Failure,
    sample::{self, Door},
    stop_signal,
};

/// How the shop, or its emulator, is started.
#[derive(Args)]
pub(crate) struct Options {
    /// Start empty: delete users, products, orders and all other data
    #[arg(long)]
    fresh: bool,

    /// Put in no sample data
    #[arg(long)]
    without_samples: bool,

    /// Add this to every port, if the usual ones are taken
    #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=50_000))]
    port_offset: u16,

    /// Let the pages of this origin (`http://localhost:3000`, or `null`) call every port; all others are refused
    #[arg(long, value_name = "ORIGIN", value_parser = origin)]
    allow_origin: Vec<String>,

    /// Answer for this host (`shop.test`), besides localhost, 127.0.0.1 and [::1]
    #[arg(long, value_name = "HOST", value_parser = host)]
    allow_host: Vec<String>,
}

impl Options {
    fn config(self, watch: bool) -> Config {
        Config {
            fresh: self.fresh,
            watch,
            ports: Ports::WELL_KNOWN.shifted(self.port_offset),
            allow_hosts: self.allow_host,
            allow_origins: self.allow_origin,
            ..Config::dev()
        }
    }
}

/// An origin as browsers send it: scheme, host and, unless it is the scheme's own, port.
fn origin(text: &str) -> Result<String, &'static str> {
    let authority = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let is_origin = text == "null" || authority.is_some_and(|authority| host(authority).is_ok());
    if is_origin {
        Ok(text.to_owned())
    } else {
        Err("an origin is `http://HOST`, `http://HOST:PORT`, the same with https, or `null`")
    }
}

fn host(text: &str) -> Result<String, &'static str> {
    let is_host =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte));
    if is_host { Ok(text.to_owned()) } else { Err("a host is a name or an address, with a port if need be") }
}

/// Runs the shop until Ctrl-C. The end of this function, even in the middle of the start, ends every process it
/// started.
pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let with_samples = !options.without_samples;
    until_stopped(options.config(true), with_samples, |stack| {
        let logs = from_repository(stack.functions_log());
        println!(
            "\nOpen in a browser:\n- {0}/ the console: a flash sale, orders, events, ledgers, all live\n- {0}/store/ the storefront for customers\n- {0}/docs the API reference, where each operation can be tried\n\n{1}\nThe functions write their logs to {2}. Each request is a line below. Ctrl-C stops everything.",
            stack.local_url().replace("127.0.0.1", "localhost"),
            stack.tour(),
            logs.display()
        );
    })
    .await
}

/// Runs the emulator with the deployed template, and all systems that the shop calls, until Ctrl-C.
pub(crate) async fn run_emulator(options: Options) -> Result<(), Failure> {
    let with_samples = !options.without_samples;
    until_stopped(options.config(false), with_samples, |stack| {
        println!(
            r#"
The emulator is at {}, and the deployed API at {}. In another terminal:

The functions of the API, at localhost:9000, or one of them with an event of your own. Both take their environment from
infra/local-stack/functions.env, which Cargo.toml names.
  PATH="$PATH:$PWD/.local/tools/bin"
  cargo lambda watch --invoke-address ::1
  cargo lambda invoke list-products --data-file infra/local-stack/list-products.json

Region, credentials and endpoint for the AWS CLI.
  eval "$(cargo xtask env)"
  aws dynamodb scan --table-name "$TABLE_NAME" --max-items 1

Ctrl-C stops everything."#,
            stack.endpoint_url(),
            stack.api_url(),
        );
    })
    .await
}

async fn until_stopped(config: Config, with_samples: bool, ready: impl Fn(&LocalStack)) -> Result<(), Failure> {
    let steps = config.steps;
    let mut stopped = pin!(async {
        let stopped = stop_signal().await;
        eprintln!();
        steps.begin("stopping; the data stays for the next start");
        stopped
    });
    let mut stack = tokio::select! {
        stack = start(config, with_samples) => stack?,
        stopped = &mut stopped => return stopped,
    };
    steps.begin("ready");
    ready(&stack);
    tokio::select! {
        failure = stack.failure() => Err(failure.into()),
        stopped = stopped => {
            stopped?;
            Ok(stack.stop().await?)
        }
    }
}

async fn start(config: Config, with_samples: bool) -> Result<LocalStack, Failure> {
    let (steps, is_watched) = (config.steps, config.watch);
    let stack = LocalStack::start(config).await?;
    if with_samples {
        put_in_samples(&stack, steps, is_watched).await?;
    }
    Ok(stack)
}

async fn put_in_samples(stack: &LocalStack, steps: Steps, is_watched: bool) -> Result<(), Failure> {
    steps.begin("putting in sample data");
    let door = if is_watched { Door::local(stack.local_url()) } else { deployed(stack)? };
    sample::put_in(&door).await
}

/// The deployed API, as an administrator.
fn deployed(stack: &LocalStack) -> Result<Door, Error> {
    Ok(Door::deployed(stack.api_url(), &stack.token("admin", &["admin"])?))
}

fn from_repository(path: PathBuf) -> PathBuf {
    path.strip_prefix(repository()).map(PathBuf::from).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_as_browsers_send_them() {
        for text in ["http://localhost:3000", "https://shop.test", "null", "http://[::1]:3000"] {
            assert!(origin(text).is_ok(), "{text}");
        }
        for text in ["localhost:3000", "http://", "http://shop.test/", "*", "http://a b"] {
            assert!(origin(text).is_err(), "{text}");
        }
        assert!(host("shop.test:9000").is_ok() && host("http://shop.test").is_err());
    }
}
