use std::time::Duration;

/// Chance from a seed (SplitMix64).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// Chance that begins with `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to just below `bound`, which is above 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound
    }

    /// A number from 0 to just below 1.
    pub fn part(&mut self) -> f64 {
        f64::from(u32::try_from(self.bits() >> 32).unwrap()) / 4_294_967_296.0
    }

    /// The time of a call and its answer: 3 ms and on average one more; every hundredth takes 20 to 60 ms longer.
    pub fn latency(&mut self) -> Duration {
        let usual = 3.0 - (1.0 - self.part()).ln();
        let tail = if self.below(100) == 0 { 20.0 + 40.0 * self.part() } else { 0.0 };
        Duration::from_secs_f64((usual + tail) / 1_000.0)
    }
}
