CREATE TABLE "refused_requests" (
	"request_id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"coupon_id" text COLLATE "C" NOT NULL,
	"user_id" text COLLATE "C" NOT NULL,
	"reason" text NOT NULL,
	"refused_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
