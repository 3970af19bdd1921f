# Works with Python >= 3.11 and make alone; everything else is installed into .venv.
.DEFAULT_GOAL := help
.PHONY: help setup spark infra demo notebooks lab test check mutants matrix generate templates glue verify-aws verify-glue clean

# A surrounding virtual environment must not leak into ours.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME
MAKEFLAGS += --no-print-directory

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

setup:  ## make .venv with every dependency pinned and verified by hash
	@scripts/setup.sh

spark: setup  ## add Spark to .venv, for engine.kind = spark
	@scripts/setup_spark.sh

infra: setup  ## add CDK to .venv, to deploy to AWS from infra/
	@scripts/setup_infra.sh

demo: setup  ## generate a marketplace in demo/, or at SOURCE=mysql://..., run the pipeline on it, show the numbers
	@SOURCE='$(SOURCE)' scripts/demo.sh

notebooks: setup  ## run the notebooks on the demo, or on CONFIG=rental.toml, and write them as HTML into build/notebooks
	@scripts/setup_notebooks.sh
	@CONFIG='$(CONFIG)' scripts/notebooks.sh render

lab: setup  ## open the notebooks in JupyterLab, on the demo or on CONFIG=rental.toml
	@scripts/setup_notebooks.sh --lab
	@CONFIG='$(CONFIG)' scripts/notebooks.sh lab

test:  ## run every check and every test, real servers included
	@scripts/prepare_tests.sh
	@WORKERS='$(WORKERS)' scripts/test.sh

check: setup  ## run the static checks and the fast tests, and see that what is generated is up to date
	@scripts/setup_spark.sh --tests
	@scripts/setup_notebooks.sh
	@scripts/check.sh --tests

mutants: setup  ## change the code of extract and quality in many places, and see that tests notice; MORE='--most 10' narrows
	@scripts/setup_mutants.sh
	@.venv/bin/python scripts/mutation/mutate.py $(MORE)

matrix:  ## run every test with every case, place, combination and right, of which `make test` runs a part
	@scripts/prepare_tests.sh
	@RENTAL_TEST_MATRIX=full WORKERS='$(WORKERS)' scripts/test.sh

generate: setup  ## write the tables of README and docs/reference, and the snapshots of Redshift's statements
	@.venv/bin/python scripts/generate.py

templates: infra  ## write the snapshots of the deployment's templates
	@.venv/bin/python scripts/deployment_templates.py

glue: setup  ## put script and wheels of the Glue jobs into dist/glue; PREFIX=s3://bucket/glue is where they will be
	@scripts/build_glue.sh $(if $(PREFIX),--prefix $(PREFIX))

verify-aws: setup  ## check on a real Redshift what tests cannot tell; WAREHOUSE=redshift://... LAKE=s3://... (ROLE=arn:...)
	@.venv/bin/python scripts/verify_aws.py --warehouse '$(WAREHOUSE)' --lake '$(LAKE)' --iam-role '$(or $(ROLE),default)'

verify-glue: setup  ## check on a deployed stack what tests cannot tell; NAME=rental REGION=eu-west-1 (RUN=no)
	@.venv/bin/python scripts/verify_glue.py --name '$(NAME)' --region '$(REGION)' --run '$(or $(RUN),yes)'

clean:  ## remove .venv, demo/ and the tools' caches
	@rm -rf .venv demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
