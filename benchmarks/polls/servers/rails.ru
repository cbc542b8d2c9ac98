# The polled action as a Rails API has it: the token, the user and the meeting, by two look-ups.
require "rails"
require "action_controller/railtie"
require "active_record/railtie"
require "jwt"

ENV["RAILS_ENV"] ||= "production"

class Service < Rails::Application
  config.load_defaults 6.1
  config.eager_load = true
  config.api_only = true
  config.secret_key_base = ENV.fetch("SECRET_KEY")
  config.logger = Logger.new(File::NULL)
  config.hosts.clear
  routes.append do
    get "meetings/:id/sync_status", to: "meetings#sync_status"
  end
end

class User < ActiveRecord::Base
  self.table_name = "accounts_user"
  has_many :meetings
end

class Meeting < ActiveRecord::Base
  self.table_name = "meetings_meeting"
  belongs_to :user
end

class MeetingsController < ActionController::API
  before_action :authenticate
  rescue_from(ActiveRecord::RecordNotFound) { head :not_found }

  def sync_status
    meeting = @user.meetings.find(params[:id])
    render json: { in_progress_sync_status: meeting.in_progress_sync_status }
  end

  private

  def authenticate
    claims, = JWT.decode(request.headers["Authorization"], ENV.fetch("SECRET_KEY"), true, algorithm: "HS256")
    @user = User.find(claims["user_id"])
    head :unauthorized unless @user.is_active
  rescue JWT::DecodeError
    head :unauthorized
  end
end

Service.initialize!
run Service
