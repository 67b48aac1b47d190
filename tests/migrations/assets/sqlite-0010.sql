BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0010');
CREATE TABLE artifact_versions (
	run_id VARCHAR(32) NOT NULL, 
	name TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	media_type TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	location TEXT NOT NULL, 
	created_us BIGINT NOT NULL, 
	kind TEXT, 
	step BIGINT, 
	metadata TEXT, 
	reference TEXT, 
	preview TEXT, 
	deleted_us BIGINT, 
	CONSTRAINT pk_artifact_versions PRIMARY KEY (run_id, name, version), 
	CONSTRAINT fk_artifact_versions_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE TABLE artifacts (
	run_id VARCHAR(32) NOT NULL, 
	name TEXT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	media_type TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	location TEXT NOT NULL, 
	created_us BIGINT NOT NULL, version INTEGER DEFAULT 1 NOT NULL, kind TEXT, step BIGINT, metadata TEXT, reference TEXT, 
	CONSTRAINT pk_artifacts PRIMARY KEY (run_id, name), 
	CONSTRAINT fk_artifacts_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
CREATE TABLE content_packs (
	id INTEGER NOT NULL, 
	name VARCHAR(32) NOT NULL, 
	"indexed" BIGINT DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_content_packs PRIMARY KEY (id), 
	CONSTRAINT uq_content_packs_name UNIQUE (name)
);
CREATE TABLE content_records (
	hash BLOB NOT NULL, 
	kind SMALLINT NOT NULL, 
	pack_id INTEGER NOT NULL, 
	place BIGINT NOT NULL, 
	codec SMALLINT NOT NULL, 
	stored INTEGER NOT NULL, 
	raw INTEGER NOT NULL, 
	state SMALLINT DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_content_records PRIMARY KEY (hash, kind)
)
 WITHOUT ROWID

;
CREATE TABLE data_lineage (
	source_key BIGINT NOT NULL, 
	target_key BIGINT NOT NULL, 
	relation TEXT NOT NULL, 
	source_kind TEXT NOT NULL, 
	source_id TEXT NOT NULL, 
	target_kind TEXT NOT NULL, 
	target_id TEXT NOT NULL, 
	label TEXT, 
	code TEXT, 
	details TEXT, 
	run_id VARCHAR(32), 
	cell_id VARCHAR(32), 
	created_us BIGINT NOT NULL, 
	last_us BIGINT NOT NULL, 
	CONSTRAINT pk_data_lineage PRIMARY KEY (source_key, target_key, relation)
);
CREATE TABLE dataset_aliases (
	dataset_id VARCHAR(32) NOT NULL, 
	name TEXT NOT NULL, 
	version_id VARCHAR(32) NOT NULL, 
	set_us BIGINT NOT NULL, 
	CONSTRAINT pk_dataset_aliases PRIMARY KEY (dataset_id, name), 
	CONSTRAINT fk_dataset_aliases_dataset_id_datasets FOREIGN KEY(dataset_id) REFERENCES datasets (id) ON DELETE CASCADE, 
	CONSTRAINT fk_dataset_aliases_version_id_dataset_versions FOREIGN KEY(version_id) REFERENCES dataset_versions (id) ON DELETE CASCADE
);
CREATE TABLE dataset_slabs (
	fingerprint BLOB NOT NULL, 
	object TEXT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	profile BLOB NOT NULL, 
	CONSTRAINT pk_dataset_slabs PRIMARY KEY (fingerprint)
)
 WITHOUT ROWID

;
CREATE TABLE dataset_versions (
	id VARCHAR(32) NOT NULL, 
	dataset_id VARCHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	manifest TEXT, 
	profile TEXT, 
	rows BIGINT, 
	columns INTEGER, 
	files BIGINT, 
	size_bytes BIGINT DEFAULT 0 NOT NULL, 
	new_bytes BIGINT DEFAULT 0 NOT NULL, 
	fields TEXT, 
	description TEXT, 
	tags TEXT, 
	source TEXT, 
	reference TEXT, 
	breaches TEXT, 
	run_id VARCHAR(32), 
	created_us BIGINT NOT NULL, 
	deleted_us BIGINT, 
	forgotten_us BIGINT, 
	CONSTRAINT pk_dataset_versions PRIMARY KEY (id), 
	CONSTRAINT fk_dataset_versions_dataset_id_datasets FOREIGN KEY(dataset_id) REFERENCES datasets (id) ON DELETE CASCADE, 
	CONSTRAINT uq_dataset_versions_dataset_id_version UNIQUE (dataset_id, version)
);
CREATE TABLE datasets (
	id VARCHAR(32) NOT NULL, 
	name TEXT NOT NULL, 
	description TEXT, 
	contract TEXT, 
	created_us BIGINT NOT NULL, 
	last_version INTEGER NOT NULL, 
	CONSTRAINT pk_datasets PRIMARY KEY (id), 
	CONSTRAINT uq_datasets_name UNIQUE (name)
);
CREATE TABLE drift_reports (
	id VARCHAR(32) NOT NULL, 
	reference_id VARCHAR(32), 
	current_id VARCHAR(32), 
	asked TEXT NOT NULL, 
	reference TEXT NOT NULL, 
	current TEXT NOT NULL, 
	severity TEXT NOT NULL, 
	report BLOB NOT NULL, 
	run_id VARCHAR(32), 
	created_us BIGINT NOT NULL, 
	CONSTRAINT pk_drift_reports PRIMARY KEY (id), 
	CONSTRAINT uq_drift_reports_reference_id_current_id_asked UNIQUE (reference_id, current_id, asked)
);
INSERT INTO "drift_reports" VALUES('0190aaaa000070008000000000000d1f',NULL,NULL,'{}','sales@v1','sales@v2','high',X'28B52FFD20021100007B7D',NULL,1760000000000000);
CREATE TABLE environment_packages (
	environment TEXT NOT NULL, 
	name TEXT NOT NULL, 
	version TEXT NOT NULL, 
	CONSTRAINT pk_environment_packages PRIMARY KEY (environment, name), 
	CONSTRAINT fk_environment_packages_environment_environments FOREIGN KEY(environment) REFERENCES environments (hash) ON DELETE CASCADE
)
 WITHOUT ROWID

;
INSERT INTO "environment_packages" VALUES('e0','numpy','2.1.0');
CREATE TABLE environments (
	hash TEXT NOT NULL, 
	python TEXT, 
	facts TEXT NOT NULL, 
	created_us BIGINT NOT NULL, 
	CONSTRAINT pk_environments PRIMARY KEY (hash)
);
INSERT INTO "environments" VALUES('e0','3.12.1','{"python":"3.12.1"}',1767225600000000);
CREATE TABLE experiments (
	id VARCHAR(32) NOT NULL, 
	name TEXT NOT NULL, 
	description TEXT, 
	tags TEXT NOT NULL, 
	created_us BIGINT NOT NULL, deleted_us BIGINT, 
	CONSTRAINT pk_experiments PRIMARY KEY (id), 
	CONSTRAINT uq_experiments_name UNIQUE (name)
);
INSERT INTO "experiments" VALUES('019b76da80007000800000000000000a','delays','How late?','{}',1767225600000000,NULL);
CREATE TABLE jobs (
	id VARCHAR(32) NOT NULL, 
	kind TEXT NOT NULL, 
	ask TEXT NOT NULL, 
	status TEXT NOT NULL, 
	progress DOUBLE, 
	message TEXT, 
	result TEXT, 
	error TEXT, 
	created_us BIGINT NOT NULL, 
	started_us BIGINT, 
	ended_us BIGINT, 
	cancel_asked BOOLEAN DEFAULT false NOT NULL, 
	restartable BOOLEAN NOT NULL, 
	attempt INTEGER DEFAULT 0 NOT NULL, 
	owner_id VARCHAR(32), 
	owner TEXT, 
	lease_us BIGINT, 
	CONSTRAINT pk_jobs PRIMARY KEY (id)
);
CREATE TABLE metric_chunks (
	run_id VARCHAR(32) NOT NULL, 
	name TEXT NOT NULL, 
	seq INTEGER NOT NULL, 
	n INTEGER NOT NULL, 
	blob BLOB NOT NULL, first_step BIGINT, last_step BIGINT, first_us BIGINT, last_us BIGINT, min DOUBLE, max DOUBLE, outline BLOB, 
	CONSTRAINT pk_metric_chunks PRIMARY KEY (run_id, name, seq), 
	CONSTRAINT fk_metric_chunks_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE TABLE metric_series (
	writer_id VARCHAR(32) NOT NULL, 
	series BIGINT NOT NULL, 
	run_id VARCHAR(32) NOT NULL, 
	name TEXT NOT NULL, 
	CONSTRAINT pk_metric_series PRIMARY KEY (writer_id, series)
)
 WITHOUT ROWID

;
CREATE TABLE metrics (
	run_id VARCHAR(32) NOT NULL, 
	name TEXT NOT NULL, 
	value DOUBLE, 
	special SMALLINT, 
	step BIGINT NOT NULL, 
	time_us BIGINT NOT NULL, 
	min DOUBLE, 
	max DOUBLE, 
	count BIGINT DEFAULT 0 NOT NULL, 
	spark TEXT NOT NULL, best DOUBLE, best_step BIGINT, tail BLOB, 
	CONSTRAINT pk_metrics PRIMARY KEY (run_id, name), 
	CONSTRAINT fk_metrics_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
INSERT INTO "metrics" VALUES('019b76da83e870008000000000000001','auc',0.9,NULL,1,1767225603000000,0.8,0.9,2,'{"stride":1,"values":[0.8,0.9]}',0.9,NULL,NULL);
INSERT INTO "metrics" VALUES('019b76da83e870008000000000000001','loss',NULL,1,0,1767225604000000,NULL,NULL,1,'{"stride":1,"values":[{"$float":"NaN"}]}',NULL,NULL,NULL);
CREATE TABLE param_history (
	id INTEGER NOT NULL, 
	run_id VARCHAR(32) NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	time_us BIGINT NOT NULL, 
	CONSTRAINT pk_param_history PRIMARY KEY (id), 
	CONSTRAINT fk_param_history_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE TABLE params (
	run_id VARCHAR(32) NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	text TEXT NOT NULL, 
	number DOUBLE, 
	time_us BIGINT NOT NULL, start TEXT, 
	CONSTRAINT pk_params PRIMARY KEY (run_id, "key"), 
	CONSTRAINT fk_params_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
INSERT INTO "params" VALUES('019b76da83e870008000000000000001','depth','6','6',6.0,1767225601000000,NULL);
INSERT INTO "params" VALUES('019b76da83e870008000000000000001','name','"gr\u00f6\u00dfe; 100%"','größe; 100%',NULL,1767225601000000,'größe; 100%');
CREATE TABLE purged_runs (
	id VARCHAR(32) NOT NULL, 
	purged_us BIGINT NOT NULL, 
	CONSTRAINT pk_purged_runs PRIMARY KEY (id)
)
 WITHOUT ROWID

;
CREATE TABLE runs (
	id VARCHAR(32) NOT NULL, 
	ending TEXT NOT NULL, 
	name TEXT NOT NULL, 
	experiment_id VARCHAR(32), 
	status TEXT NOT NULL, 
	started_us BIGINT NOT NULL, 
	ended_us BIGINT, 
	resumed_us BIGINT, 
	active_us BIGINT NOT NULL, 
	parent_id VARCHAR(32), 
	notes TEXT, 
	user_name TEXT, 
	host TEXT, 
	source TEXT, 
	python TEXT, 
	nbproof TEXT, 
	git_commit TEXT, 
	git_branch TEXT, 
	git_dirty BOOLEAN, 
	code TEXT, 
	writer_id VARCHAR(32), newest_metric TEXT, group_name TEXT, cancel_us BIGINT, deleted_us BIGINT, git_remote TEXT, entry TEXT, command TEXT, environment TEXT, os TEXT, gpu TEXT, redacted BIGINT DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_runs PRIMARY KEY (id), 
	CONSTRAINT fk_runs_experiment_id_experiments FOREIGN KEY(experiment_id) REFERENCES experiments (id)
);
INSERT INTO "runs" VALUES('019b76da83e870008000000000000001','000001','amber-fox','019b76da80007000800000000000000a','finished',1767225601000000,1767225609000000,NULL,1767225609000000,NULL,NULL,'ada','lab',NULL,'3.11.7','0.1.0',NULL,NULL,NULL,NULL,'019b76da83e87000800000000000000f','loss',NULL,NULL,NULL,NULL,'script','train.py','e0',NULL,NULL,0);
INSERT INTO "runs" VALUES('019b76da87d070008000000000000002','000002','brave-owl','019b76da80007000800000000000000a','running',1767225602000000,NULL,NULL,1767225602000000,NULL,NULL,'ada','lab',NULL,'3.11.7','0.1.0',NULL,NULL,NULL,NULL,'019b76da83e87000800000000000000f',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0);
CREATE TABLE saved_searches (
	name TEXT NOT NULL, 
	"query" TEXT NOT NULL, 
	time_us BIGINT NOT NULL, 
	deleted BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_saved_searches PRIMARY KEY (name)
);
CREATE TABLE tags (
	run_id VARCHAR(32) NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	time_us BIGINT NOT NULL, 
	CONSTRAINT pk_tags PRIMARY KEY (run_id, "key"), 
	CONSTRAINT fk_tags_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
INSERT INTO "tags" VALUES('019b76da83e870008000000000000001','team','blue',1767225601000000);
CREATE TABLE workspace_meta (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_workspace_meta PRIMARY KEY ("key")
);
INSERT INTO "workspace_meta" VALUES('series','0.1');
INSERT INTO "workspace_meta" VALUES('version','0.1.0');
CREATE TABLE writers (
	id VARCHAR(32) NOT NULL, 
	host TEXT NOT NULL, 
	boot_id TEXT NOT NULL, 
	pid INTEGER NOT NULL, 
	pid_started TEXT NOT NULL, 
	version TEXT NOT NULL, 
	created_us BIGINT NOT NULL, 
	drained BIGINT DEFAULT 0 NOT NULL, 
	cursor TEXT, 
	points BIGINT DEFAULT 0 NOT NULL, 
	events BIGINT DEFAULT 0 NOT NULL, 
	bad BIGINT DEFAULT 0 NOT NULL, 
	rejected BIGINT DEFAULT 0 NOT NULL, 
	ended_us BIGINT, seen_us BIGINT, 
	CONSTRAINT pk_writers PRIMARY KEY (id)
);
INSERT INTO "writers" VALUES('019b76da83e87000800000000000000f','lab','b',1,'1','0.1.0',1767225600000000,9,NULL,0,0,0,0,NULL,NULL);
CREATE INDEX ix_runs_ending ON runs (ending);
CREATE INDEX ix_runs_name ON runs (name);
CREATE INDEX ix_runs_parent_id ON runs (parent_id);
CREATE INDEX ix_runs_experiment_id_active_us ON runs (experiment_id, active_us);
CREATE INDEX ix_runs_writer_id_status ON runs (writer_id, status);
CREATE INDEX ix_runs_started_us_id ON runs (started_us, id);
CREATE INDEX ix_runs_experiment_id_started_us_id ON runs (experiment_id, started_us, id);
CREATE INDEX ix_params_key_run_id ON params ("key", run_id);
CREATE INDEX ix_param_history_run_id_key ON param_history (run_id, "key");
CREATE INDEX ix_tags_key_run_id ON tags ("key", run_id);
CREATE INDEX ix_artifacts_hash ON artifacts (hash);
CREATE INDEX ix_metrics_name_value_run_id ON metrics (name, value, run_id);
CREATE INDEX ix_jobs_status_created_us ON jobs (status, created_us);
CREATE INDEX ix_jobs_created_us_id ON jobs (created_us, id);
CREATE INDEX ix_runs_group_name ON runs (group_name) WHERE group_name IS NOT NULL;
CREATE INDEX ix_runs_deleted_us ON runs (deleted_us) WHERE deleted_us IS NOT NULL;
CREATE INDEX ix_runs_experiment_id_deleted_us_active_us ON runs (experiment_id, deleted_us, active_us);
CREATE INDEX ix_metrics_name_best_run_id ON metrics (name, best, run_id);
CREATE INDEX ix_params_key_number_start_run_id ON params ("key", number, start, run_id);
CREATE INDEX ix_artifact_versions_hash ON artifact_versions (hash);
CREATE INDEX ix_environment_packages_name_version ON environment_packages (name, version);
CREATE INDEX ix_data_lineage_target_key_source_key ON data_lineage (target_key, source_key);
CREATE INDEX ix_data_lineage_run_id ON data_lineage (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX ix_artifacts_run_id_reference ON artifacts (run_id) WHERE reference IS NOT NULL;
CREATE INDEX ix_content_records_pack_id ON content_records (pack_id);
CREATE INDEX ix_dataset_versions_digest ON dataset_versions (digest);
CREATE INDEX ix_dataset_versions_created_us_id ON dataset_versions (created_us, id);
CREATE INDEX ix_drift_reports_current_id ON drift_reports (current_id);
COMMIT;
