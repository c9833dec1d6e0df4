//! Functions that people expect and DataFusion spells otherwise, `hour(t)` is `date_part('hour', t)`, or does not have:
//! steps into JSON texts.

mod json;
mod percentile;
mod series;

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::types::{NativeType, logical_date, logical_string};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions::datetime::date_part;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    AggregateUDF, Coercion, ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, TypeSignature, TypeSignatureClass, Volatility, lit,
};

pub(crate) use json::Arrows;
pub(crate) use series::table_functions;

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = ScalarUDF> {
    let parts = ["year", "month", "day", "hour", "minute", "second"].into_iter();
    parts.map(|part| PartOfTime::new(part).into()).chain(json::all())
}

/// Aggregates that stand in for DataFusion's, under their names.
pub(crate) fn aggregates() -> impl Iterator<Item = AggregateUDF> {
    [percentile::Percentile::default()].into_iter().map(AggregateUDF::from)
}

/// One part of a date or a time, as an integer.
#[derive(Debug, PartialEq, Eq, Hash)]
struct PartOfTime {
    part: &'static str,
    signature: Signature,
}

impl PartOfTime {
    fn new(part: &'static str) -> Self {
        let timestamp = Coercion::new_implicit(
            TypeSignatureClass::Timestamp,
            vec![TypeSignatureClass::Native(logical_string())],
            NativeType::Timestamp(TimeUnit::Nanosecond, None),
        );
        let accepted = [
            timestamp,
            Coercion::new_exact(TypeSignatureClass::Native(logical_date())),
            Coercion::new_exact(TypeSignatureClass::Time),
            Coercion::new_exact(TypeSignatureClass::Interval),
        ];
        let signatures = accepted.into_iter().map(|coercion| TypeSignature::Coercible(vec![coercion])).collect();
        Self { part, signature: Signature::one_of(signatures, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for PartOfTime {
    fn name(&self) -> &str {
        self.part
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int32)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Field::new(self.part, DataType::Int32, nullable).into())
    }

    fn simplify(&self, args: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let arguments = std::iter::once(lit(self.part)).chain(args).collect();
        Ok(ExprSimplifyResult::Simplified(date_part().call(arguments)))
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let part = ScalarValue::from(self.part);
        args.arg_fields.insert(0, Field::new("part", part.data_type(), false).into());
        args.args.insert(0, ColumnarValue::Scalar(part));
        date_part().invoke_with_args(args)
    }
}
