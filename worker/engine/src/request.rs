//! A statement that has to run: its plan, and what of it the user wants to see.

use bobbin_blocks::output::Staging;
use datafusion::logical_expr::LogicalPlan;

use crate::error::PlanError;
use crate::kept::Keeping;
use crate::output::{OutputSpec, WriteShape};

/// A query whose tables were found. It can be planned into tasks as often as needed.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) plan: LogicalPlan,
    pub(crate) shown: Shown,
    pub(crate) output: Option<RequestedOutput>,
    pub(crate) keeping: Option<Keeping>,
}

/// Where a query's rows go instead of to the driver.
#[derive(Clone, Debug)]
pub(crate) struct RequestedOutput {
    pub spec: OutputSpec,
    /// Where parts go, once the output has begun.
    pub staging: Option<Staging>,
}

/// What the user wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The rows.
    Rows,
    /// What running it has cost, stage by stage.
    Analysis,
}

impl Request {
    /// The query of a plan over our tables, whose rows the user wants.
    pub fn new(plan: LogicalPlan) -> Self {
        Self::of(plan, Shown::Rows)
    }

    /// The query of a plan that reads only, whose rows the user wants to see.
    pub(crate) fn of(plan: LogicalPlan, shown: Shown) -> Self {
        Self { plan, shown, output: None, keeping: None }
    }

    /// The same query, whose rows tasks write.
    ///
    /// # Errors
    /// A column to divide the rows by is not there, or would leave no other; the format needs names that differ.
    pub fn with_output(mut self, spec: OutputSpec) -> Result<Self, PlanError> {
        partition_columns(&self.plan, &spec)?;
        let names = self.plan.schema().fields().iter().map(|field| field.name().as_str());
        let refuse = |reason| PlanError::Statement(format!("write {}: {reason}", spec.url));
        spec.format.check_names(names).map_err(refuse)?;
        self.output = Some(RequestedOutput { spec, staging: None });
        Ok(self)
    }

    /// The same query, which says what running it took instead of giving rows.
    pub fn analyzed(self) -> Self {
        Self { shown: Shown::Analysis, ..self }
    }

    /// The same query, whose rows workers keep as a table of this name; `paths` are those that they come from.
    pub fn kept(mut self, name: String, paths: Vec<String>) -> Self {
        self.keeping = Some(Keeping { name, paths });
        self
    }

    /// Its plan.
    pub fn into_plan(self) -> LogicalPlan {
        self.plan
    }

    /// The table that its rows become, if workers keep them: its name, and the paths that they come from.
    pub fn kept_as(&self) -> Option<(&str, &[String])> {
        self.keeping.as_ref().map(|keeping| (keeping.name.as_str(), keeping.paths.as_slice()))
    }

    /// The names of all columns of the tables that it reads.
    pub fn column_names(&self) -> Vec<String> {
        let tables = crate::planner::tables_of(&self.plan).unwrap_or_default();
        let fields = tables.iter().flat_map(|table| table.schema().fields().iter().cloned().collect::<Vec<_>>());
        fields.map(|field| field.name().clone()).collect()
    }

    /// What tasks are to write, if they are.
    pub fn output(&self) -> Option<&OutputSpec> {
        self.output.as_ref().map(|output| &output.spec)
    }

    /// The same request, once its output has begun: tasks write there.
    pub fn staged(mut self, staging: Staging) -> Self {
        if let Some(output) = &mut self.output {
            output.staging = Some(staging);
        }
        self
    }

    /// What the user wants to see.
    pub fn shown(&self) -> Shown {
        self.shown
    }
}

impl RequestedOutput {
    /// What each task writes; `None` before the output has begun.
    pub fn shape(&self, plan: &LogicalPlan) -> Result<Option<WriteShape>, PlanError> {
        let Some(staging) = &self.staging else { return Ok(None) };
        let OutputSpec { format, compression, .. } = self.spec;
        let partition_by = partition_columns(plan, &self.spec)?;
        let extension = self.spec.extension().to_owned();
        Ok(Some(WriteShape { staging: staging.clone(), format, compression, extension, partition_by }))
    }
}

/// The columns that become directories.
fn partition_columns(plan: &LogicalPlan, spec: &OutputSpec) -> Result<Vec<usize>, PlanError> {
    let names: Vec<&str> = plan.schema().fields().iter().map(|field| field.name().as_str()).collect();
    let refuse = |reason: String| PlanError::Statement(format!("write {}: {reason}", spec.url));
    let find = |wanted: &String| {
        let exact = names.iter().position(|name| name == wanted);
        let found = exact.or_else(|| names.iter().position(|name| name.eq_ignore_ascii_case(wanted)));
        found.ok_or_else(|| {
            refuse(format!("there is no column {wanted} to divide the rows by; there are {}", names.join(", ")))
        })
    };
    let columns = spec.partition_by.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    if !columns.is_empty() && columns.len() >= names.len() {
        return Err(refuse("every column would be a directory; leave one to the files".into()));
    }
    Ok(columns)
}
