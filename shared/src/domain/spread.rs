//! Units in parts that are as even as possible.

/// Spreads `units` over `parts` as evenly as possible; the first ones get the remainder.
pub fn spread(units: i64, parts: u16) -> Vec<i64> {
    let count = i64::from(parts.max(1));
    let (each, left_over) = (units / count, units % count);
    (0..count).map(|part| each + i64::from(part < left_over)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn spreading_keeps_the_sum_and_is_even(units in 0_i64..100_000, parts in 1_u16..=128) {
            let spread = spread(units, parts);
            prop_assert_eq!(spread.len(), usize::from(parts));
            prop_assert_eq!(spread.iter().sum::<i64>(), units);
            prop_assert!(spread.iter().max().unwrap() - spread.iter().min().unwrap() <= 1);
        }
    }
}
