use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use axum::Router;
use payment_system::CLIENT_KEY;

use crate::{
    ALL_FUNCTIONS, Config, Tools,
    aws::Aws,
    console::{Bus, Console, Requests, STORE},
    data_platform::DataPlatform,
    deployment::{self, Deployment, Kept, STACK},
    door::{Door, hidden_address},
    emulator::Emulator,
    error::{Context as _, Error, Result},
    functions,
    gateway::{DoorKey, Gateway, WatchDoor},
    issuer::{AUDIENCE, Issuer},
    leash::Leashed,
    machine,
    payment_system::{Adapter, PaymentSystem, ProviderServer},
    secrets,
    server::Servers,
    watch::Watch,
};

/// The interval between two checks of a running stack.
const CHECK_EVERY: Duration = Duration::from_millis(500);

/// The running shop. Dropping it stops all of it; [`Self::stop`] does the same without blocking the thread.
#[derive(Debug)]
pub struct LocalStack {
    config: Config,
    door: Door,
    deployment: Deployment,
    issuer: Issuer,
    // Dropped in this order: first the callers, then the parts that they call.
    watch: Option<Leashed>,
    emulator: Emulator,
    servers: Servers,
    tools: Tools,
    kept: Kept,
    _state: File,
}

impl LocalStack {
    /// Installs the tools, builds the functions, and starts everything. Returns when every part answers.
    ///
    /// # Errors
    /// Each is one line for the person at the terminal, and leaves nothing running.
    pub async fn start(config: Config) -> Result<Self> {
        machine::ensure_ready()?;
        let state = take(&config.state_dir)?;
        config.ports.ensure_free()?;
        let (ports, steps, folder) = (config.ports, config.steps, config.state_dir.as_path());
        let tools = Tools::set_up(steps).await?;
        steps.begin("building the functions; the first build takes minutes, later ones seconds");
        let stamp = stamp(&config);
        fs::write(&stamp, "").context(format_args!("write {}", stamp.display()))?;
        let program = functions().await?.path(ALL_FUNCTIONS).ok_or(Error::BuildFailed)?;
        if config.fresh {
            remove(&folder.join("emulator"))?;
            remove(&payments(&config))?;
        }
        renew(&logs(&config))?;

        let servers = Servers::new()?;
        let door = Door::new(&config);
        let issuer = Issuer::new(local(ports.issuer))?;
        servers.serve(ports.issuer, door.guard(issuer.router())).await?;
        let data_platform = DataPlatform::default();
        servers.serve(ports.data_platform, door.guard(data_platform.router())).await?;

        steps.begin(format_args!("starting the emulator on port {}", ports.emulator));
        let log = logs(&config).join("emulator.log");
        let mut emulator = Emulator::new(tools.clone(), &config, log, door.clone());
        emulator.start().await?;
        let aws = Aws::new(emulator.url())?;
        data_platform.trust(secrets::ensure(&aws).await?);
        secrets::put_payment_key(&aws).await?;

        steps.begin("deploying template.yaml");
        let kept = Kept::new(program, folder.join("functions"))?;
        emulator.set_settled(false);
        let deployment =
            deployment::deploy(&tools, &emulator.url(), STACK, &parameters(&config), config.without.as_ref(), &kept)
                .await;
        // A refused template has been rolled back. Only an interruption above leaves a half-done deployment.
        emulator.set_settled(true);
        emulator.check()?;
        let deployment = deployment?;

        let mut stack =
            Self { config, door, deployment, issuer, watch: None, emulator, servers, tools, kept, _state: state };
        stack.note_environment()?;
        let payment_system = stack.serve_payments().await?;
        if stack.config.watch {
            stack.watch(program, data_platform, payment_system).await?;
        }
        Ok(stack)
    }

    /// Starts the payment system: the provider, and the answers over the bus. Returns its router, without a door.
    async fn serve_payments(&self) -> Result<Router> {
        let output = |name| self.deployment.output(name).map(str::to_owned);
        let aws = Aws::new(self.emulator.url())?;
        let adapter = Adapter::new(aws, output("PaymentRequestsUrl")?, output("EventBusName")?);
        let payment_system = PaymentSystem::new(adapter);
        let shop = if self.config.watch { self.local_url() } else { self.api_url() };
        let journal = payments(&self.config);
        let provider = ProviderServer::new(&journal, format!("{shop}/payment-notices/toss"))?;
        let router = provider.router().merge(payment_system.router());
        let guarded = self.door.with_visits().guard(router.clone());
        self.servers.serve(self.config.ports.payment_system, guarded).await?;
        self.servers.spawn(payment_system.work());
        self.servers.spawn(provider.work());
        Ok(router)
    }

    /// Serves the HTTP functions at their plain paths, and the page of the stack.
    async fn watch(&mut self, program: &Path, data_platform: DataPlatform, payment_system: Router) -> Result<()> {
        let (ports, folder) = (self.config.ports, self.config.state_dir.join("watched"));
        self.config.steps.begin(format_args!("serving the functions on port {}", ports.gateway));
        let (key, address) = (DoorKey::new()?, hidden()?);
        let watch = Watch {
            tools: &self.tools,
            address,
            key: &key,
            endpoint: &self.emulator.url(),
            deployment: &self.deployment,
            program,
            stamp: &stamp(&self.config),
            certificates: self.config.certificates.as_deref(),
            folder: &folder,
            log: self.functions_log(),
        };
        self.watch = Some(watch.start().await?);
        let upstream = format!("http://{address}");
        let (requests, are_shown) = (Requests::default(), self.config.steps.are_shown());
        let gateway =
            Gateway::new(upstream.clone(), &self.deployment.routes, key.clone(), requests.clone(), are_shown)?;
        let router = gateway.router().merge(self.console(requests, data_platform, payment_system)?);
        self.servers.serve(ports.gateway, self.door.with_visits_to(&["/", STORE]).guard(router)).await?;
        self.servers.serve(ports.watch, self.door.guard(WatchDoor::new(upstream, key)?.router())).await?;
        Ok(())
    }

    /// The page of the stack, and what it needs.
    fn console(&self, requests: Requests, data_platform: DataPlatform, payment_system: Router) -> Result<Router> {
        let aws = Aws::new(self.emulator.url())?;
        let table = self.deployment.output("TableName")?.to_owned();
        let bus = Bus::new(aws.clone(), self.deployment.output("EventBusName")?.to_owned());
        self.servers.spawn(bus.clone().work());
        let mut environment = self.aws_environment();
        environment.extend([("STACK_NAME", STACK.to_owned()), ("TABLE_NAME", table.clone())]);
        let addresses = BTreeMap::from([
            ("shop", self.local_url()),
            ("deployed", self.api_url()),
            ("emulator", self.emulator.url()),
            ("dataPlatform", self.data_platform_url()),
            ("issuer", self.issuer_url()),
            ("paymentSystem", self.payment_system_url()),
        ]);
        let shop = self.local_url();
        let console =
            Console { addresses, shop, aws, table, requests, bus, data_platform, payment_system, environment };
        Ok(console.router())
    }

    /// Writes the environment file, for the tools that a developer runs beside the stack.
    fn note_environment(&self) -> Result<()> {
        let file = self.config.environment_file();
        let aws = self.aws_environment();
        let aws = aws.iter().map(|(name, value)| (*name, value.as_str()));
        let lines: String = aws
            .chain([("STACK_NAME", STACK)])
            .chain(self.deployment.environment()?)
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect();
        fs::write(&file, lines).context(format_args!("write {}", file.display()))
    }

    /// The deployed HTTP API, in the emulator, behind its authorizer. Append a path.
    #[must_use]
    pub fn api_url(&self) -> String {
        self.url_of(&self.deployment)
    }

    fn url_of(&self, deployment: &Deployment) -> String {
        let api = deployment.api.as_deref().unwrap_or("none");
        format!("{}/_aws/execute-api/{api}", self.emulator.url())
    }

    /// Deploys the template once more, beside this stack: under another name, and with these parameters alone. Returns
    /// the address of its API and its outputs.
    ///
    /// # Errors
    /// If the deployment fails.
    pub async fn deploy_beside(
        &self,
        stack: &str,
        parameters: &BTreeMap<String, String>,
    ) -> Result<(String, BTreeMap<String, String>)> {
        let deployment =
            deployment::deploy(&self.tools, &self.emulator.url(), stack, parameters, None, &self.kept).await?;
        Ok((self.url_of(&deployment), deployment.outputs))
    }

    /// The HTTP functions under `cargo lambda watch`, at their plain paths, trusting identity headers.
    #[must_use]
    pub fn local_url(&self) -> String {
        local(self.config.ports.gateway)
    }

    /// The emulator: the value for `AWS_ENDPOINT_URL`. Region and keys are in [`Self::aws_environment`].
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        self.emulator.url()
    }

    /// The data platform.
    #[must_use]
    pub fn data_platform_url(&self) -> String {
        local(self.config.ports.data_platform)
    }

    /// The payment system.
    #[must_use]
    pub fn payment_system_url(&self) -> String {
        local(self.config.ports.payment_system)
    }

    /// The issuer of identity.
    #[must_use]
    pub fn issuer_url(&self) -> String {
        local(self.config.ports.issuer)
    }

    /// The environment variables by which an AWS client finds the emulator.
    #[must_use]
    pub fn aws_environment(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("AWS_ENDPOINT_URL", self.endpoint_url()),
            ("AWS_REGION", crate::emulator::REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ])
    }

    #[must_use]
    pub fn output(&self, name: &str) -> Option<&str> {
        self.deployment.outputs.get(name).map(String::as_str)
    }

    /// The environment of a deployed function, by the name of its crate.
    #[must_use]
    pub fn environment(&self, function: &str) -> Option<&BTreeMap<String, String>> {
        self.deployment.functions.get(function).map(|function| &function.environment)
    }

    /// The name in the stack of a deployed function, by the name of its crate. Its logs are in `/aws/lambda/NAME`.
    #[must_use]
    pub fn function_name(&self, function: &str) -> Option<&str> {
        self.deployment.functions.get(function).map(|function| function.name.as_str())
    }

    /// A token for the deployed API, for the user `sub` in these groups, valid for an hour: `Authorization: Bearer …`.
    ///
    /// # Errors
    /// If the signature fails.
    pub fn token(&self, sub: &str, groups: &[&str]) -> Result<String> {
        self.issuer.token(sub, &groups.into())
    }

    /// Stops the emulator and starts it again with the same state. In between, all calls to AWS are refused.
    ///
    /// # Errors
    /// If it loses its state, or does not come up again.
    pub async fn restart_emulator(&mut self) -> Result<()> {
        self.emulator.stop().await?;
        self.emulator.start().await
    }

    /// Kills the emulator, as a crash would: all changes since its last clean stop are lost. [`Self::restart_emulator`]
    /// starts it again.
    pub fn kill_emulator(&mut self) {
        self.emulator.kill();
    }

    /// Waits until a part that should run has ended, and returns its failure. A healthy stack never returns.
    pub async fn failure(&mut self) -> Error {
        loop {
            if let Err(failure) = self.emulator.check() {
                return failure;
            }
            if let Some(watch) = &mut self.watch
                && watch.has_ended()
            {
                return watch.failure("has ended");
            }
            tokio::time::sleep(CHECK_EVERY).await;
        }
    }

    /// Stops everything and waits until it has ended. The state stays for the next start.
    ///
    /// # Errors
    /// If the emulator did not save its state in time.
    pub async fn stop(mut self) -> Result<()> {
        if let Some(watch) = self.watch.take() {
            // It has no state to lose.
            let _ = watch.stop().await;
        }
        self.emulator.stop().await
    }

    /// The file with the output of the functions under `cargo lambda watch`.
    #[must_use]
    pub fn functions_log(&self) -> PathBuf {
        logs(&self.config).join("functions.log")
    }
}

impl Drop for LocalStack {
    fn drop(&mut self) {
        // The file's content is no longer true.
        let _ = fs::remove_file(self.config.environment_file());
    }
}

/// A free port of an address that pages cannot guess, for a process without a door of its own.
fn hidden() -> Result<SocketAddr> {
    let mut random = [0; 3];
    SystemRandom::new().fill(&mut random).map_err(io::Error::other).context("draw random bytes")?;
    let address = hidden_address(random);
    let found = TcpListener::bind((address, 0)).and_then(|listener| listener.local_addr());
    found.context(format_args!("listen on {address}"))
}

fn local(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// The parameters of the template: those of the stack, overridden by the configuration's.
fn parameters(config: &Config) -> BTreeMap<String, String> {
    let ports = config.ports;
    let mut parameters = BTreeMap::from([
        ("JwtIssuer".to_owned(), local(ports.issuer)),
        ("JwtAudience".to_owned(), AUDIENCE.to_owned()),
        ("DataPlatformUrl".to_owned(), local(ports.data_platform)),
        // The tour charges a balance without a payment.
        ("SelfCharge".to_owned(), "true".to_owned()),
        // Newcomers order without an address, and see what an erasure leaves.
        ("RequireAddress".to_owned(), "false".to_owned()),
        ("EraseAfterSeconds".to_owned(), "0".to_owned()),
        ("DataPlatformSecretParameter".to_owned(), secrets::PARAMETER.to_owned()),
        // An order is paid by the first of the customer at the checkout and the payment system on the bus.
        ("PaymentPath".to_owned(), "BOTH".to_owned()),
        ("PaymentProvider".to_owned(), "TOSS".to_owned()),
        ("PaymentClientKey".to_owned(), CLIENT_KEY.to_owned()),
        ("PaymentSecretParameter".to_owned(), secrets::PAYMENT_PARAMETER.to_owned()),
        ("PaymentProviderUrl".to_owned(), local(ports.payment_system)),
    ]);
    parameters.extend(config.parameters.clone());
    parameters
}

/// Locks the state folder for this process. The operating system releases it, however the process ends.
fn take(folder: &Path) -> Result<File> {
    fs::create_dir_all(folder).context(format_args!("create {}", folder.display()))?;
    let lock = folder.join("lock");
    let file = File::create(&lock).context(format_args!("write {}", lock.display()))?;
    file.try_lock().map_err(|_| Error::StateInUse(folder.to_owned()))?;
    Ok(file)
}

/// The file with the time at which the build started.
fn stamp(config: &Config) -> PathBuf {
    config.state_dir.join("built")
}

/// The folder of the payment provider's state.
fn payments(config: &Config) -> PathBuf {
    config.state_dir.join("payments")
}

fn logs(config: &Config) -> PathBuf {
    config.state_dir.join("logs")
}

/// Empties the folder, or creates it.
fn renew(folder: &Path) -> Result<()> {
    remove(folder)?;
    fs::create_dir_all(folder).context(format_args!("create {}", folder.display()))
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).context(format_args!("remove {}", folder.display()))?;
    }
    Ok(())
}
