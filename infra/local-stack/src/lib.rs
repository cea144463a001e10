//! The whole shop on one machine, without Docker or an AWS account.
//!
//! [`LocalStack::start`] starts these parts, and dropping it stops them:
//!
//! - the emulator of AWS, with the unchanged `template.yaml` deployed to it: tables, queues, bus, functions under their
//!   own permissions, and the HTTP API behind its JWT authorizer ([`LocalStack::api_url`]);
//! - the HTTP functions once more under `cargo lambda watch`, at their plain paths, rebuilt as their sources change
//!   ([`LocalStack::local_url`]);
//! - an issuer of identity, for tokens that the deployed API accepts ([`LocalStack::token`]);
//! - a data platform that shows the signed events it received ([`LocalStack::data_platform_url`]);
//! - a payment provider with a hosted checkout and faults, and answers over the bus ([`LocalStack::payment_system_url`]).
//!
//! No web page but the stack's own reaches any of its ports (`door`).
//!
//! `cargo xtask dev` and the end-to-end tests run the same stack, on different ports and states, at the same time if
//! need be. State survives a stop; no process does.

mod aws;
mod build;
mod config;
mod console;
mod data_platform;
mod deployment;
mod door;
mod emulator;
mod error;
mod folder;
mod gateway;
mod issuer;
mod leash;
mod machine;
mod payment_system;
mod queue;
mod routes;
mod second_opinion;
mod secrets;
mod server;
mod stack;
mod steps;
mod task;
mod tools;
mod tour;
mod watch;

pub use build::{Binaries, FUNCTIONS, build, build_deployed, build_with, functions};
pub use build_functions::{ALL_FUNCTIONS, function_names, repository};
pub use config::{Config, Ports, WITHOUT, free_port};
pub use console::POLICY as PAGE_POLICY;
pub use error::{Error, Result};
pub use folder::copy_folder;
pub use machine::ensure_ready as ensure_machine_ready;
pub use second_opinion::SecondOpinions;
pub use secrets::new_webhook_secret;
pub use stack::LocalStack;
pub use steps::Steps;
pub use task::Task;
pub use tools::Tools;
