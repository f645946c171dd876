CREATE TABLE "audit_log" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "audit_log_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"target" text NOT NULL,
	"detail" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "coupons" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"total" integer NOT NULL,
	"epoch" integer DEFAULT 1 NOT NULL,
	"state" text DEFAULT 'OPEN' NOT NULL,
	"load_state" text DEFAULT 'NEW' NOT NULL,
	"issue_mode" text DEFAULT 'DIRECT' NOT NULL,
	"starts_at" timestamp (3) with time zone NOT NULL,
	"ends_at" timestamp (3) with time zone NOT NULL,
	"discount_type" text NOT NULL,
	"discount_value" bigint NOT NULL,
	"max_discount" bigint,
	"min_order_amount" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "coupons_total_positive" CHECK ("coupons"."total" >= 1),
	CONSTRAINT "coupons_epoch_positive" CHECK ("coupons"."epoch" >= 1),
	CONSTRAINT "coupons_window" CHECK ("coupons"."starts_at" < "coupons"."ends_at"),
	CONSTRAINT "coupons_state" CHECK ("coupons"."state" IN ('OPEN', 'PAUSED', 'CLOSED')),
	CONSTRAINT "coupons_load_state" CHECK ("coupons"."load_state" IN ('NEW', 'RECOVERING', 'LOADING', 'LOADED')),
	CONSTRAINT "coupons_issue_mode" CHECK ("coupons"."issue_mode" IN ('DIRECT', 'QUEUED')),
	CONSTRAINT "coupons_discount_type" CHECK ("coupons"."discount_type" IN ('FIXED', 'PERCENT')),
	CONSTRAINT "coupons_discount" CHECK ("coupons"."discount_value" > 0 AND ("coupons"."discount_type" = 'FIXED' OR "coupons"."discount_value" <= 100) AND coalesce("coupons"."max_discount", 0) >= 0 AND "coupons"."min_order_amount" >= 0)
);
--> statement-breakpoint
CREATE TABLE "dead_letters" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "dead_letters_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"event_id" text NOT NULL,
	"topic" text NOT NULL,
	"partition" integer NOT NULL,
	"offset" bigint NOT NULL,
	"key" "bytea",
	"value" "bytea",
	"headers" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"error_code" text NOT NULL,
	"error_message" text NOT NULL,
	"status" text DEFAULT 'PENDING' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"next_attempt_at" timestamp (3) with time zone,
	CONSTRAINT "dead_letters_event" UNIQUE("event_id"),
	CONSTRAINT "dead_letters_status" CHECK ("dead_letters"."status" IN ('PENDING', 'REPUBLISHED', 'EXHAUSTED', 'DISCARDED'))
);
--> statement-breakpoint
CREATE TABLE "request_aliases" (
	"request_id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"coupon_id" text COLLATE "C" NOT NULL,
	"user_id" text COLLATE "C" NOT NULL,
	"original_request_id" text COLLATE "C" NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "user_coupons" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "user_coupons_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"coupon_id" text COLLATE "C" NOT NULL,
	"user_id" text COLLATE "C" NOT NULL,
	"slot" integer,
	"request_id" text COLLATE "C" NOT NULL,
	"status" text DEFAULT 'ACTIVE' NOT NULL,
	"order_id" text COLLATE "C",
	"epoch" integer NOT NULL,
	"reason" text,
	"issued_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "user_coupons_request" UNIQUE("request_id"),
	CONSTRAINT "user_coupons_slot_positive" CHECK ("user_coupons"."slot" >= 1),
	CONSTRAINT "user_coupons_status" CHECK ("user_coupons"."status" IN ('ACTIVE', 'USED', 'REVOKED')),
	CONSTRAINT "user_coupons_revoked_has_no_slot" CHECK (("user_coupons"."status" = 'REVOKED') = ("user_coupons"."slot" IS NULL))
);
--> statement-breakpoint
CREATE INDEX "audit_log_by_target" ON "audit_log" USING btree ("target","at");--> statement-breakpoint
CREATE INDEX "coupons_by_age" ON "coupons" USING btree ("created_at","id");--> statement-breakpoint
CREATE INDEX "coupons_by_end" ON "coupons" USING btree ("ends_at");--> statement-breakpoint
CREATE INDEX "dead_letters_due" ON "dead_letters" USING btree ("status","next_attempt_at");--> statement-breakpoint
CREATE UNIQUE INDEX "user_coupons_user" ON "user_coupons" USING btree ("user_id","coupon_id") WHERE "user_coupons"."status" <> 'REVOKED';--> statement-breakpoint
CREATE UNIQUE INDEX "user_coupons_slot" ON "user_coupons" USING btree ("coupon_id","slot") WHERE "user_coupons"."status" <> 'REVOKED';