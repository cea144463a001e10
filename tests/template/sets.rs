//! The values of parameters that the template is checked with.

use crate::plain::Parameters;

/// Values of the parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Set {
    /// A trial: nothing is given.
    Defaults,
    /// Production, with each option on.
    Everything,
    /// Callers from an identity provider of their own, a topic for alarms, outside systems of another account.
    OwnIssuer,
}

impl Set {
    pub const ALL: [Self; 3] = [Self::Defaults, Self::Everything, Self::OwnIssuer];

    pub fn parameters(self) -> Parameters {
        let given: &[(&str, &str)] = match self {
            Self::Defaults => &[],
            Self::Everything => &[
                ("Stage", "prod"),
                ("AccessLog", "true"),
                ("AlarmEmail", "operator@shop.example"),
                ("Alarms", "ALL"),
                ("Canary", "true"),
                ("CertificateArn", "arn:aws:acm:ap-northeast-2:123456789012:certificate/0a1b2c3d"),
                ("Console", "true"),
                ("CorsOrigins", "https://shop.example,https://desk.shop.example"),
                ("DataLake", "true"),
                ("DataPlatformUrl", "https://data.example/orders"),
                ("DomainName", "api.shop.example"),
                ("EventArchiveDays", "30"),
                ("HostedZoneId", "Z0123456789ABCDEFGHIJ"),
                ("MonthlyBudget", "100"),
                ("PaymentClientKey", "live_ck_0a1B2c3D"),
                ("PaymentPath", "SESSION"),
                ("PaymentProvider", "TOSS"),
                ("PublicConcurrency", "200"),
                ("SchemaRegistry", "true"),
                ("ShowDashboard", "true"),
            ],
            Self::OwnIssuer => &[
                ("AlarmTopicArn", "arn:aws:sns:ap-northeast-2:123456789012:alarms"),
                ("Console", "true"),
                ("JwtAudience", "shop"),
                ("JwtIssuer", "https://identity.example/shop"),
                ("OutsideSystemsPrincipal", "arn:aws:iam::210987654321:root"),
            ],
        };
        given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }
}
