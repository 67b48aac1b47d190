CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.artifacts (
    run_id character varying(32) NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    size_bytes bigint NOT NULL,
    media_type text NOT NULL,
    hash text NOT NULL,
    location text NOT NULL,
    created_us bigint NOT NULL
);
CREATE TABLE public.experiments (
    id character varying(32) NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    description text,
    tags text NOT NULL,
    created_us bigint NOT NULL
);
CREATE TABLE public.jobs (
    id character varying(32) NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    ask text NOT NULL,
    status text NOT NULL COLLATE pg_catalog."C",
    progress double precision,
    message text,
    result text,
    error text,
    created_us bigint NOT NULL,
    started_us bigint,
    ended_us bigint,
    cancel_asked boolean DEFAULT false NOT NULL,
    restartable boolean NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    owner_id character varying(32) COLLATE pg_catalog."C",
    owner text,
    lease_us bigint
);
CREATE TABLE public.metric_chunks (
    run_id character varying(32) NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    seq integer NOT NULL,
    n integer NOT NULL,
    blob bytea NOT NULL
);
CREATE TABLE public.metric_series (
    writer_id character varying(32) NOT NULL COLLATE pg_catalog."C",
    series bigint NOT NULL,
    run_id character varying(32) NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.metrics (
    run_id character varying(32) NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    value double precision,
    special smallint,
    step bigint NOT NULL,
    time_us bigint NOT NULL,
    min double precision,
    max double precision,
    count bigint DEFAULT 0 NOT NULL,
    spark text NOT NULL
);
CREATE TABLE public.param_history (
    id integer NOT NULL,
    run_id character varying(32) NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL,
    time_us bigint NOT NULL
);
CREATE SEQUENCE public.param_history_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.param_history_id_seq OWNED BY public.param_history.id;
CREATE TABLE public.params (
    run_id character varying(32) NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL,
    text text NOT NULL COLLATE pg_catalog."C",
    number double precision,
    time_us bigint NOT NULL
);
CREATE TABLE public.runs (
    id character varying(32) NOT NULL COLLATE pg_catalog."C",
    ending text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    experiment_id character varying(32) COLLATE pg_catalog."C",
    status text NOT NULL COLLATE pg_catalog."C",
    started_us bigint NOT NULL,
    ended_us bigint,
    resumed_us bigint,
    active_us bigint NOT NULL,
    parent_id character varying(32) COLLATE pg_catalog."C",
    notes text,
    user_name text,
    host text,
    source text,
    python text,
    nbproof text,
    git_commit text,
    git_branch text,
    git_dirty boolean,
    code text,
    writer_id character varying(32) COLLATE pg_catalog."C"
);
CREATE TABLE public.tags (
    run_id character varying(32) NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL,
    time_us bigint NOT NULL
);
CREATE TABLE public.workspace_meta (
    key text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL
);
CREATE TABLE public.writers (
    id character varying(32) NOT NULL COLLATE pg_catalog."C",
    host text NOT NULL,
    boot_id text NOT NULL,
    pid integer NOT NULL,
    pid_started text NOT NULL,
    version text NOT NULL,
    created_us bigint NOT NULL,
    drained bigint DEFAULT 0 NOT NULL,
    cursor text,
    points bigint DEFAULT 0 NOT NULL,
    events bigint DEFAULT 0 NOT NULL,
    bad bigint DEFAULT 0 NOT NULL,
    rejected bigint DEFAULT 0 NOT NULL,
    ended_us bigint
);
ALTER TABLE ONLY public.param_history ALTER COLUMN id SET DEFAULT nextval('public.param_history_id_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('0001');
INSERT INTO public.experiments VALUES ('019b76da80007000800000000000000a', 'delays', 'How late?', '{}', 1767225600000000);
INSERT INTO public.metrics VALUES ('019b76da83e870008000000000000001', 'auc', 0.9, NULL, 1, 1767225603000000, 0.8, 0.9, 2, '{"stride":1,"values":[0.8,0.9]}');
INSERT INTO public.metrics VALUES ('019b76da83e870008000000000000001', 'loss', NULL, 1, 0, 1767225604000000, NULL, NULL, 1, '{"stride":1,"values":[{"$float":"NaN"}]}');
INSERT INTO public.params VALUES ('019b76da83e870008000000000000001', 'depth', '6', '6', 6, 1767225601000000);
INSERT INTO public.params VALUES ('019b76da83e870008000000000000001', 'name', '"gr\u00f6\u00dfe; 100%"', 'größe; 100%', NULL, 1767225601000000);
INSERT INTO public.runs VALUES ('019b76da83e870008000000000000001', '000001', 'amber-fox', '019b76da80007000800000000000000a', 'finished', 1767225601000000, 1767225609000000, NULL, 1767225609000000, NULL, NULL, 'ada', 'lab', NULL, '3.11.7', '0.1.0', NULL, NULL, NULL, NULL, '019b76da83e87000800000000000000f');
INSERT INTO public.runs VALUES ('019b76da87d070008000000000000002', '000002', 'brave-owl', '019b76da80007000800000000000000a', 'running', 1767225602000000, NULL, NULL, 1767225602000000, NULL, NULL, 'ada', 'lab', NULL, '3.11.7', '0.1.0', NULL, NULL, NULL, NULL, '019b76da83e87000800000000000000f');
INSERT INTO public.tags VALUES ('019b76da83e870008000000000000001', 'team', 'blue', 1767225601000000);
INSERT INTO public.workspace_meta VALUES ('series', '0.1');
INSERT INTO public.workspace_meta VALUES ('version', '0.1.0');
INSERT INTO public.writers VALUES ('019b76da83e87000800000000000000f', 'lab', 'b', 1, '1', '0.1.0', 1767225600000000, 9, NULL, 0, 0, 0, 0, NULL);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.artifacts
    ADD CONSTRAINT pk_artifacts PRIMARY KEY (run_id, name);
ALTER TABLE ONLY public.experiments
    ADD CONSTRAINT pk_experiments PRIMARY KEY (id);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT pk_jobs PRIMARY KEY (id);
ALTER TABLE ONLY public.metric_chunks
    ADD CONSTRAINT pk_metric_chunks PRIMARY KEY (run_id, name, seq);
ALTER TABLE ONLY public.metric_series
    ADD CONSTRAINT pk_metric_series PRIMARY KEY (writer_id, series);
ALTER TABLE ONLY public.metrics
    ADD CONSTRAINT pk_metrics PRIMARY KEY (run_id, name);
ALTER TABLE ONLY public.param_history
    ADD CONSTRAINT pk_param_history PRIMARY KEY (id);
ALTER TABLE ONLY public.params
    ADD CONSTRAINT pk_params PRIMARY KEY (run_id, key);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT pk_runs PRIMARY KEY (id);
ALTER TABLE ONLY public.tags
    ADD CONSTRAINT pk_tags PRIMARY KEY (run_id, key);
ALTER TABLE ONLY public.workspace_meta
    ADD CONSTRAINT pk_workspace_meta PRIMARY KEY (key);
ALTER TABLE ONLY public.writers
    ADD CONSTRAINT pk_writers PRIMARY KEY (id);
ALTER TABLE ONLY public.experiments
    ADD CONSTRAINT uq_experiments_name UNIQUE (name);
CREATE INDEX ix_artifacts_hash ON public.artifacts USING btree (hash);
CREATE INDEX ix_jobs_created_us_id ON public.jobs USING btree (created_us, id);
CREATE INDEX ix_jobs_status_created_us ON public.jobs USING btree (status, created_us);
CREATE INDEX ix_metrics_name_value_run_id ON public.metrics USING btree (name, value, run_id);
CREATE INDEX ix_param_history_run_id_key ON public.param_history USING btree (run_id, key);
CREATE INDEX ix_params_key_run_id ON public.params USING btree (key, run_id);
CREATE INDEX ix_runs_ending ON public.runs USING btree (ending);
CREATE INDEX ix_runs_experiment_id_active_us ON public.runs USING btree (experiment_id, active_us);
CREATE INDEX ix_runs_experiment_id_started_us_id ON public.runs USING btree (experiment_id, started_us, id);
CREATE INDEX ix_runs_name ON public.runs USING btree (name);
CREATE INDEX ix_runs_parent_id ON public.runs USING btree (parent_id);
CREATE INDEX ix_runs_started_us_id ON public.runs USING btree (started_us, id);
CREATE INDEX ix_runs_writer_id_status ON public.runs USING btree (writer_id, status);
CREATE INDEX ix_tags_key_run_id ON public.tags USING btree (key, run_id);
ALTER TABLE ONLY public.artifacts
    ADD CONSTRAINT fk_artifacts_run_id_runs FOREIGN KEY (run_id) REFERENCES public.runs(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.metric_chunks
    ADD CONSTRAINT fk_metric_chunks_run_id_runs FOREIGN KEY (run_id) REFERENCES public.runs(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.metrics
    ADD CONSTRAINT fk_metrics_run_id_runs FOREIGN KEY (run_id) REFERENCES public.runs(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.param_history
    ADD CONSTRAINT fk_param_history_run_id_runs FOREIGN KEY (run_id) REFERENCES public.runs(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.params
    ADD CONSTRAINT fk_params_run_id_runs FOREIGN KEY (run_id) REFERENCES public.runs(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT fk_runs_experiment_id_experiments FOREIGN KEY (experiment_id) REFERENCES public.experiments(id);
ALTER TABLE ONLY public.tags
    ADD CONSTRAINT fk_tags_run_id_runs FOREIGN KEY (run_id) REFERENCES public.runs(id) ON DELETE CASCADE;
