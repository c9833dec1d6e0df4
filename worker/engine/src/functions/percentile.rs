//! Exact percentiles of columns with few different values: `percentile_cont` without groups counts each value instead of
//! keeping all of them. Everything else is DataFusion's own, and so are the results.
//!
//! A state is a list of doubles, as DataFusion's is. Ours begins with what follows: values, or values and their counts.

use std::mem::size_of_val;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, FieldRef, Float64Type};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue, exec_datafusion_err};
use datafusion::functions_aggregate::percentile_cont::PercentileCont;
use datafusion::logical_expr::function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Documentation, GroupsAccumulator, Signature};
use datafusion::physical_expr::expressions::Literal;

/// So many different values are counted; of more, all are kept.
const MOST_DIFFERENT: usize = 1 << 15;
/// What a state begins with: values follow.
const VALUES: f64 = 0.0;
/// What a state begins with: values and their counts follow, in turn.
const COUNTS: f64 = 1.0;
/// Steps of an interpolation, as DataFusion has them.
const STEPS: f64 = 1_000_000.0;

/// `percentile_cont(column, share)`.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Percentile(PercentileCont);

impl AggregateUDFImpl for Percentile {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn aliases(&self) -> &[String] {
        self.0.aliases()
    }

    fn signature(&self) -> &Signature {
        self.0.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.0.return_type(types)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.0.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let share = share(&args).filter(|_| !args.is_distinct && *args.expr_fields[0].data_type() == DataType::Float64);
        let all = self.0.accumulator(args)?;
        Ok(match share {
            Some(share) => Box::new(Percentiles { share, counts: Some(Counts::default()), all }),
            None => all,
        })
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.0.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        self.0.create_groups_accumulator(args)
    }

    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        self.0.simplify()
    }

    fn supports_within_group_clause(&self) -> bool {
        self.0.supports_within_group_clause()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.0.documentation()
    }
}

/// The share of the values that lie below the percentile, in ascending order.
fn share(args: &AccumulatorArgs) -> Option<f64> {
    let ScalarValue::Float64(Some(share)) = args.exprs.get(1)?.downcast_ref::<Literal>()?.value() else { return None };
    let descends = args.order_bys.first().is_some_and(|order| order.options.descending);
    Some(if descends { 1.0 - share } else { *share })
}

/// The values so far: counted, or all of them in DataFusion's accumulator.
#[derive(Debug)]
struct Percentiles {
    share: f64,
    /// Nothing once there were too many different ones.
    counts: Option<Counts>,
    all: Box<dyn Accumulator>,
}

impl Percentiles {
    /// Takes values so many times each.
    fn add(&mut self, values: impl Iterator<Item = (f64, u64)>) -> Result<()> {
        match &mut self.counts {
            Some(counts) => values.for_each(|(value, times)| counts.add(value, times)),
            None => self.all.update_batch(&[repeated(values)])?,
        }
        self.limit()
    }

    /// Goes over to keeping all values when there are too many different ones.
    fn limit(&mut self) -> Result<()> {
        match self.counts.take_if(|counts| counts.different > MOST_DIFFERENT) {
            Some(counts) => self.all.update_batch(&[repeated(counts.iter())]),
            None => Ok(()),
        }
    }
}

/// A column in which each value is so many times.
fn repeated(values: impl Iterator<Item = (f64, u64)>) -> ArrayRef {
    let all = values.flat_map(|(value, times)| (0..times).map(move |_| value));
    Arc::new(Float64Array::from_iter_values(all))
}

impl Accumulator for Percentiles {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let Some(counts) = &mut self.counts else { return self.all.update_batch(values) };
        let column = values[0].as_primitive::<Float64Type>();
        if column.null_count() == 0 {
            column.values().iter().for_each(|value| counts.add(*value, 1));
        } else {
            column.iter().flatten().for_each(|value| counts.add(value, 1));
        }
        self.limit()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let lists = states[0].as_list::<i32>();
        for list in lists.iter().flatten() {
            let list = list.as_primitive::<Float64Type>();
            match list.values().split_first() {
                None => {}
                Some((kind, pairs)) if *kind == COUNTS => {
                    self.add(pairs.chunks_exact(2).map(|pair| (pair[0], pair[1] as u64)))?;
                }
                Some(_) => {
                    // As many different ones as that have to be kept, wherever they come from.
                    if let Some(counts) = self.counts.take() {
                        self.add(counts.iter())?;
                    }
                    self.all.update_batch(&[Arc::new(list.slice(1, list.len() - 1))])?;
                }
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let mut state = Vec::new();
        match &self.counts {
            Some(counts) => {
                state.push(COUNTS);
                counts.sorted().iter().for_each(|(value, times)| state.extend([*value, *times as f64]));
            }
            None => {
                let all = self.all.state()?;
                let [ScalarValue::List(all)] = all.as_slice() else {
                    return Err(exec_datafusion_err!("percentile_cont has another state than a list"));
                };
                state.push(VALUES);
                state.extend_from_slice(all.values().as_primitive::<Float64Type>().values());
            }
        }
        Ok(vec![SingleRowListArrayBuilder::new(Arc::new(Float64Array::from(state))).build_list_scalar()])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        match &self.counts {
            Some(counts) => Ok(ScalarValue::Float64(counts.percentile(self.share))),
            None => self.all.evaluate(),
        }
    }

    fn size(&self) -> usize {
        self.all.size() + self.counts.as_ref().map_or(0, |counts| size_of_val(counts.slots.as_slice()))
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        // What leaves a window has been counted before.
        if let Some(counts) = self.counts.take() {
            self.add(counts.iter())?;
        }
        self.all.retract_batch(values)
    }

    fn supports_retract_batch(&self) -> bool {
        self.all.supports_retract_batch()
    }
}

/// How often each value is there: a table with open addresses, at most half full.
#[derive(Debug, Default)]
struct Counts {
    /// Bits of a value, and how often it is there; nowhere where that is 0.
    slots: Vec<(u64, u64)>,
    different: usize,
}

impl Counts {
    #[inline]
    fn add(&mut self, value: f64, times: u64) {
        if 2 * self.different >= self.slots.len() {
            self.grow();
        }
        let bits = value.to_bits();
        let mask = self.slots.len() - 1;
        let mut at = slot(bits, self.slots.len());
        loop {
            let (found, count) = &mut self.slots[at];
            if *count == 0 {
                (*found, *count) = (bits, times);
                self.different += usize::from(times > 0);
                return;
            }
            if *found == bits {
                *count += times;
                return;
            }
            at = (at + 1) & mask;
        }
    }

    #[cold]
    fn grow(&mut self) {
        let empty = vec![(0, 0); (2 * self.slots.len()).max(256)];
        let old = std::mem::replace(&mut self.slots, empty);
        self.different = 0;
        for (bits, times) in old.into_iter().filter(|(_, times)| *times > 0) {
            self.add(f64::from_bits(bits), times);
        }
    }

    fn iter(&self) -> impl Iterator<Item = (f64, u64)> {
        self.slots.iter().filter(|(_, times)| *times > 0).map(|(bits, times)| (f64::from_bits(*bits), *times))
    }

    fn sorted(&self) -> Vec<(f64, u64)> {
        let mut all: Vec<(f64, u64)> = self.iter().collect();
        all.sort_unstable_by(|(left, _), (right, _)| left.total_cmp(right));
        all
    }

    /// What DataFusion makes of the sorted values: between two of them it interpolates in steps.
    fn percentile(&self, share: f64) -> Option<f64> {
        let all = self.sorted();
        let count: u64 = all.iter().map(|(_, times)| times).sum();
        let index = share * count.checked_sub(1)? as f64;
        let (lower, upper) = (value_at(&all, index.floor() as u64)?, value_at(&all, index.ceil() as u64)?);
        let weight = ((index - index.floor()) * STEPS).floor() / STEPS;
        Some(lower + (upper - lower) * weight)
    }
}

/// The value at an index into the values, of which these are the counts.
fn value_at(sorted: &[(f64, u64)], index: u64) -> Option<f64> {
    let mut passed = 0;
    let found = sorted.iter().find(|(_, times)| {
        passed += times;
        passed > index
    });
    found.map(|(value, _)| *value)
}

/// Where to look first, in a table of `len` slots, a power of two. Short numbers have zeros at their end, so that only the
/// highest bits of the product tell them apart.
#[inline]
fn slot(bits: u64, len: usize) -> usize {
    (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - len.trailing_zeros())) as usize
}

#[cfg(test)]
mod tests {
    use datafusion::functions_aggregate::percentile_cont::percentile_cont_udaf;
    use datafusion::logical_expr::AggregateUDF;
    use datafusion::physical_expr::aggregate::AggregateExprBuilder;
    use datafusion::physical_expr::expressions::{col, lit};

    use arrow::datatypes::{Field, Schema};

    use super::*;

    /// The accumulator of a function over a column of doubles.
    fn accumulator(function: Arc<AggregateUDF>, share: f64) -> Box<dyn Accumulator> {
        let schema = Arc::new(Schema::new(vec![Field::new("x", DataType::Float64, true)]));
        let arguments = vec![col("x", &schema).unwrap(), lit(share)];
        let built = AggregateExprBuilder::new(function, arguments).schema(schema).alias("p").build();
        built.unwrap().create_accumulator().unwrap()
    }

    fn ours(share: f64) -> Box<dyn Accumulator> {
        accumulator(Arc::new(AggregateUDF::from(Percentile::default())), share)
    }

    fn column(rows: usize, different: u64, seed: u64) -> ArrayRef {
        let mut state = seed;
        let values = (0..rows).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let number = (state >> 33) % different;
            (number % 11 != 7).then_some(number as f64 / 4.0 - 10.0)
        });
        Arc::new(values.collect::<Float64Array>())
    }

    /// Whatever is counted, kept, or begun as the one and ended as the other.
    #[test]
    fn results_are_those_of_all_values() {
        for share in [0.0, 0.1, 0.25, 0.5, 0.9, 1.0] {
            for (sizes, different) in [
                (&[0usize, 0][..], 5),
                (&[1, 0], 5),
                (&[2, 3], 5),
                (&[5_000, 4_000, 1], 90),
                (&[5_000, 90_000, 300], 200_000),
                (&[80_000, 10, 90_000], 200_000),
            ] {
                let mut plain = accumulator(percentile_cont_udaf(), share);
                let mut whole = ours(share);
                let mut merged = ours(share);
                for (part, rows) in sizes.iter().enumerate() {
                    let values = column(*rows, different, part as u64);
                    plain.update_batch(&[Arc::clone(&values)]).unwrap();
                    whole.update_batch(&[Arc::clone(&values)]).unwrap();
                    let mut partial = ours(share);
                    partial.update_batch(&[values]).unwrap();
                    let state = partial.state().unwrap()[0].to_array().unwrap();
                    merged.merge_batch(&[state]).unwrap();
                }
                let expected = plain.evaluate().unwrap();
                assert_eq!(whole.evaluate().unwrap(), expected, "{share} of {sizes:?}");
                assert_eq!(merged.evaluate().unwrap(), expected, "{share} of {sizes:?}, merged");
            }
        }
    }

    #[test]
    fn few_values_take_little_memory() {
        let mut counted = ours(0.5);
        counted.update_batch(&[column(1_000_000, 500, 1)]).unwrap();
        assert!(counted.size() < 64 << 10, "{} bytes", counted.size());
        assert!(counted.state().unwrap()[0].to_array().unwrap().get_array_memory_size() < 64 << 10);
    }

    #[test]
    fn short_numbers_have_slots_of_their_own() {
        let slots: std::collections::BTreeSet<usize> =
            (0..1000).map(|number| slot((f64::from(number) / 4.0).to_bits(), 4096)).collect();
        assert!(slots.len() > 700, "{} slots for 1000 numbers", slots.len());
    }

    #[test]
    fn windows_take_values_back() {
        let (mut plain, mut window) = (accumulator(percentile_cont_udaf(), 0.5), ours(0.5));
        for accumulator in [&mut plain, &mut window] {
            accumulator.update_batch(&[column(100, 9, 3)]).unwrap();
            accumulator.retract_batch(&[column(40, 9, 3)]).unwrap();
        }
        assert_eq!(window.evaluate().unwrap(), plain.evaluate().unwrap());
    }
}
