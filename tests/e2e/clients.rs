//! The reference by the tools of its readers, and the client kits against a running shop. `clients/tool.py` does both.

use std::{env, process::Command};

use local_stack::{Steps, Tools, repository};

use crate::stack::Shop;

/// Whether a machine without Node.js may pass.
const REQUIRED: &str = "CI";

/// One stack serves all journeys.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reference_is_clean_and_its_clients_order() {
    if !has_node() {
        assert!(env::var_os(REQUIRED).is_none(), "CI needs Node.js 20 for the client kits");
        eprintln!("SKIPPED: there is no Node.js 20, so the linters and the client kits are not tested");
        return;
    }
    let shop = Shop::start("e2e-clients").await;
    let url = shop.stack().local_url();
    let tools = Tools::set_up(Steps::silent()).await.unwrap();
    for command in ["check", "generators"] {
        let mut tool = tools.program("python");
        tool.arg(repository().join("clients/tool.py")).args([command, "--url", &url]);
        let output = tokio::task::spawn_blocking(move || tool.output().unwrap()).await.unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
    shop.audit().await;
    shop.no_function_panicked();
    shop.stop().await;
}

fn has_node() -> bool {
    let version = Command::new("node").args(["--print", "process.versions.node.split('.')[0] >= 20"]).output();
    version.is_ok_and(|output| output.stdout.starts_with(b"true"))
}
