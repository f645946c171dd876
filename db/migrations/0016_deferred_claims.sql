CREATE TABLE "deferred_claims" (
	"request_id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"coupon_id" text COLLATE "C" NOT NULL,
	"user_id" text COLLATE "C" NOT NULL,
	"slot" bigint NOT NULL,
	"epoch" integer NOT NULL,
	"ledger_id" text NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"due_at" timestamp (3) with time zone NOT NULL,
	"deferred_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE INDEX "deferred_claims_untried" ON "deferred_claims" USING btree ("coupon_id","attempts","due_at");--> statement-breakpoint
CREATE INDEX "deferred_claims_due" ON "deferred_claims" USING btree ("coupon_id","due_at");