CREATE TABLE "revocations" (
	"request_id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"coupon_id" text COLLATE "C" NOT NULL,
	"user_id" text COLLATE "C" NOT NULL,
	"slot" integer,
	"actor" text NOT NULL,
	"why" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"released_at" timestamp (3) with time zone,
	"done_at" timestamp (3) with time zone,
	CONSTRAINT "revocations_told_after_release" CHECK ("revocations"."done_at" IS NULL OR "revocations"."released_at" IS NOT NULL)
);
--> statement-breakpoint
ALTER TABLE "coupons" ADD COLUMN "recovering_until" timestamp (3) with time zone;--> statement-breakpoint
CREATE INDEX "revocations_by_user" ON "revocations" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "revocations_open" ON "revocations" USING btree ("created_at") WHERE "revocations"."done_at" IS NULL;